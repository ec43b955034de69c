import { registerOnnxBackend } from "@mmgen/backend-onnx";
import type { ImageBatch } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { MultimodalModel } from "./multimodal-model.js";
import { squareColors, squares } from "./squares.fixture.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

/** Whether two batches have the same image at a place. */
function sameImage(one: ImageBatch, other: ImageBatch, i: number): boolean {
  const size = one.height * one.width * one.channels;
  return one.data.subarray(i * size, (i + 1) * size).every((level, at) => level === other.data[i * size + at]);
}

it("draws and captions from half precision and from 8 bits nearly as before, in fewer bytes", async () => {
  using model = await MultimodalModel.train({
    ...{ ...squares(300, 1), preset: "smoke", composition: "figure-ground", seed: 1 },
    vqvae: { network: { stages: 2 } },
    transformer: { training: { steps: 300, learningRate: 1e-2 } },
  });
  const { captions } = squares(40, 2);
  const images = await model.draw(captions, { seed: 5 });
  const sizeOf = (files: ReadonlyMap<string, Uint8Array>) =>
    [...files].reduce((sum, [name, { length }]) => sum + (name.endsWith(".safetensors") ? length : 0), 0);
  const whole = sizeOf(await model.save());
  for (const [dtype, share, sameImages] of [
    // Headers and counts are not shortened. A draw changes where two ids are as likely to the last bits of a weight.
    ["float16", 0.6, 38],
    ["q8", 0.45, 30],
  ] as const) {
    const files = await model.save({ dtype });
    expect(sizeOf(files) / whole).toBeLessThan(share);
    using small = await MultimodalModel.load((name) => files.get(name));
    expect(await small.save({ dtype })).toEqual(files);
    const drawn = await small.draw(captions, { seed: 5 });
    const same = captions.filter((_, i) => sameImage(drawn, images, i));
    expect(same.length).toBeGreaterThanOrEqual(sameImages);
    const said = captions.map((caption) => [caption.split(" ")[1], caption.split(" ")[4]]);
    const right = squareColors(drawn).filter((colors, i) => colors.join() === said[i]!.join());
    expect(right.length).toBeGreaterThan(35);
  }
  await expect(model.save({ dtype: "int8" as never })).rejects.toThrow('"float32", "float16" or "q8"');
  await expect(model.save({ type: "q8" } as never)).rejects.toThrow("dtype");
});
