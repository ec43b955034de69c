import { type ImageBatch, Random } from "@mmgen/core";
import { AttributeClassifier } from "./attribute-classifier.js";

const colors = [
  [3, 0, 0],
  [0, 3, 0],
  [1, 1, 3],
] as const;

/** Upright or lying bars, 6×6, in one color on another, with their shape and both colors as labels. */
export function bars(count: number, seed: number) {
  const random = Random.fromSeed(seed);
  const images: ImageBatch = {
    data: new Uint8Array(count * 108),
    count,
    height: 6,
    width: 6,
    channels: 3,
    maxValue: 3,
  };
  const labels = { shape: new Int32Array(count), front: new Int32Array(count), back: new Int32Array(count) };
  for (let i = 0; i < count; i++) {
    const shape = random.integer(2);
    const back = random.integer(3);
    const front = (back + 1 + random.integer(2)) % 3;
    const at = 1 + random.integer(4);
    for (let pixel = 0; pixel < 36; pixel++) {
      const along = shape === 0 ? pixel % 6 : Math.floor(pixel / 6);
      images.data.set(colors[along === at ? front : back]!, i * 108 + pixel * 3);
    }
    labels.shape[i] = shape;
    labels.front[i] = front;
    labels.back[i] = back;
  }
  return { images, labels };
}

/** A small classifier of {@link bars}. */
export function barClassifier(seed = 1): AttributeClassifier<"shape" | "front" | "back"> {
  return AttributeClassifier.create(
    {
      attributes: [
        { name: "shape", classes: 2 },
        { name: "front", classes: 3 },
        { name: "back", classes: 3 },
      ],
      height: 6,
      width: 6,
      hiddenChannels: [8, 8, 8],
      hiddenWidth: 16,
    },
    { random: Random.fromSeed(seed) },
  );
}
