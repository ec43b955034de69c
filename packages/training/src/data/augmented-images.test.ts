import "@tensorflow/tfjs-backend-cpu";
import { ConfigError, type ExampleSource, type ImageBatch, Random, ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { stopAfter } from "../loop/tiny-run.fixture.js";
import { train } from "../loop/train.js";
import { constantSchedule } from "../optimizers/schedules.js";
import { augmentedImages } from "./augmented-images.js";
import { imageExamples } from "./example-source.js";

// 2 × 3 pixels of two channels: each pixel's first channel is its place, its second a hundred more.
const place = (pixel: number) => [pixel, 100 + pixel];
const pixels = (...places: number[]) => places.flatMap(place);
const one: ImageBatch = {
  data: Uint8Array.from(pixels(0, 1, 2, 3, 4, 5)),
  count: 1,
  height: 2,
  width: 3,
  channels: 2,
  maxValue: 200,
};
const repeated = (count: number): ImageBatch => ({
  ...one,
  data: Uint8Array.from({ length: count * 12 }, (_, i) => one.data[i % 12]!),
  count,
});
const all = (count: number) => Int32Array.from({ length: count }, (_, i) => i);
const context = (seed: number) => ({ epoch: 0, training: true, random: Random.fromSeed(seed) });

/** How often each outcome came, as text of the first channel. */
async function outcomes(source: ExampleSource<ImageBatch>, count: number): Promise<Map<string, number>> {
  const { data } = await source.batch(all(count), context(1));
  const counts = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const first = Array.from(data.subarray(12 * i, 12 * (i + 1))).filter((_, at) => at % 2 === 0);
    counts.set(first.join(""), (counts.get(first.join("")) ?? 0) + 1);
  }
  return counts;
}

/** Pearson's statistic of the counts against equal shares. */
function chiSquare(counts: Iterable<number>, cells: number, total: number): number {
  const expected = total / cells;
  const values = [...counts];
  const missing = cells - values.length;
  return values.reduce((sum, count) => sum + (count - expected) ** 2 / expected, missing * expected);
}

describe("augmentedImages", () => {
  it("mirrors half of the images", async () => {
    const counts = await outcomes(augmentedImages(imageExamples(repeated(4000)), { flip: true }), 4000);
    expect([...counts.keys()].sort()).toEqual(["012345", "210543"]);
    // One degree of freedom: 10.8 is exceeded once in a thousand seeds.
    expect(chiSquare(counts.values(), 2, 4000)).toBeLessThan(10.8);
  });

  it("moves images by every whole number of pixels equally often, and repeats the edge", async () => {
    const counts = await outcomes(augmentedImages(imageExamples(repeated(4500)), { padding: 1 }), 4500);
    // Up, left … down, right, by hand.
    const expected = ["001001", "012012", "122122", "001334", "012345", "122455", "334334", "345345", "455455"];
    expect([...counts.keys()].sort()).toEqual([...expected].sort());
    // Eight degrees of freedom: 26.1 is exceeded once in a thousand seeds.
    expect(chiSquare(counts.values(), 9, 4500)).toBeLessThan(26.1);
  });

  it("mirrors and moves independently", async () => {
    const counts = await outcomes(augmentedImages(imageExamples(repeated(9000)), { padding: 1, flip: true }), 9000);
    expect(counts.size).toBe(18);
    // 17 degrees of freedom: 40.8 is exceeded once in a thousand seeds.
    expect(chiSquare(counts.values(), 18, 9000)).toBeLessThan(40.8);
  });

  it("fills with a level for each channel", async () => {
    const counts = await outcomes(augmentedImages(imageExamples(repeated(500)), { padding: 1, fill: [9, 7] }), 500);
    expect([...counts.keys()].sort()).toEqual(
      ["999901", "999012", "999129", "901934", "012345", "129459", "934999", "345999", "459999"].sort(),
    );
    const { data } = await augmentedImages(imageExamples(repeated(50)), { padding: 3, fill: [9, 7] }).batch(
      all(50),
      context(2),
    );
    for (let i = 0; i < data.length; i += 2) {
      expect(data[i] === 9 ? data[i + 1] : data[i + 1]! - data[i]!).toBe(data[i] === 9 ? 7 : 100);
    }
  });

  it("leaves batches for evaluation as they are, and the images it was given", async () => {
    const batch = { images: repeated(3), labels: Int32Array.of(1, 2, 3) };
    const before = batch.images.data.slice();
    const source = augmentedImages({ count: 3, batch: () => batch }, { flip: true, padding: 2 });
    expect(await source.batch(all(3), { ...context(1), training: false })).toBe(batch);
    const augmented = await source.batch(all(3), context(1));
    expect(augmented.labels).toBe(batch.labels);
    expect(augmented.images).toMatchObject({ count: 3, height: 2, width: 3, channels: 2, maxValue: 200 });
    expect(augmented.images.data).not.toEqual(before);
    expect(batch.images.data).toEqual(before);
    expect(source.count).toBe(3);
  });

  it("draws from the batch's own stream, whatever the source draws from it", async () => {
    const drawing = (draws: number): ExampleSource<ImageBatch> => ({
      count: 40,
      batch: (indices, { random }) => {
        random.uniforms(draws);
        return repeated(indices.length);
      },
    });
    const batches = [0, 7].map((draws) =>
      augmentedImages(drawing(draws), { flip: true, padding: 1 }).batch(all(40), context(5)),
    );
    const [one, other] = await Promise.all(batches);
    expect(one!.data).toEqual(other!.data);
    const again = await augmentedImages(drawing(0), { flip: true, padding: 1 }).batch(all(40), context(6));
    expect(again.data).not.toEqual(one!.data);
  });

  it("gives a stopped and resumed run the weights of an uninterrupted one", async () => {
    const newModel = () => {
      const weight = tf.tidy(() => tf.variable(tf.zeros([12, 1])));
      return {
        weight,
        parameters: new Map<string, tf.Variable>([["weight", weight]]),
        buffers: new Map<string, tf.Variable>(),
        loss: ({ data, count }: ImageBatch) => {
          const out = tf.matMul(
            tf.tensor2d(
              Float32Array.from(data, (level) => level / 200),
              [count, 12],
            ),
            weight,
          );
          return { total: tf.mean(tf.square(tf.sub(out, 1))) as tf.Scalar, metrics: {}, aux: {} };
        },
      };
    };
    const options = (model: ReturnType<typeof newModel>) => ({
      model,
      examples: augmentedImages(imageExamples(repeated(12)), { flip: true, padding: 1 }),
      batchSize: 4,
      epochs: 3,
      schedule: constantSchedule(0.01),
      random: Random.fromSeed(4),
    });
    const whole = newModel();
    await train(options(whole));
    const stopped = await train({ ...options(newModel()), ...stopAfter(4) });
    const resumed = newModel();
    const { step } = await train({ ...options(resumed), resume: stopped.state });
    expect([stopped.step, step]).toEqual([4, 9]);
    expect(resumed.weight.dataSync()).toEqual(whole.weight.dataSync());
  });

  it("refuses other options, batches without images, and levels that there are not", async () => {
    const images = imageExamples(repeated(2));
    expect(() => augmentedImages(images, { filp: true } as never)).toThrow(ConfigError);
    expect(() => augmentedImages(images, { padding: -1 })).toThrow(ConfigError);
    const batchOf = (source: ExampleSource<ImageBatch>) => source.batch(all(2), context(1));
    await expect(batchOf(augmentedImages(images, { padding: 1, fill: [1] }))).rejects.toThrow(
      "fill: expected 2 levels from 0 to 200, one a channel, got 1.",
    );
    await expect(batchOf(augmentedImages(images, { padding: 1, fill: [1, 201] }))).rejects.toThrow(ShapeError);
    const none = { count: 2, batch: () => ({ captions: ["a", "b"] }) };
    await expect(batchOf(augmentedImages(none as never, { flip: true }))).rejects.toThrow(ShapeError);
  });
});
