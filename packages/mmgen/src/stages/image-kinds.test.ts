import "@tensorflow/tfjs-backend-cpu";
import { ConfigError, DataError, Random, ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { imageText } from "../model/image-text.js";
import { imageKinds, spreadLabels } from "./image-kinds.js";

beforeAll(() => tf.setBackend("cpu"));
afterAll(() => expect(tf.memory().numTensors).toBe(0));

/** Rows of a first feature near 0, 1 or 2 and a second one a thousand times as large that says nothing. */
function threeGroups(count: number) {
  const random = Random.fromSeed(1);
  const groups = Int32Array.from({ length: count }, (_, i) => i % 3);
  const features = new Float32Array(2 * count);
  groups.forEach((group, i) => {
    features.set([group + 0.05 * random.normal(), 1000 * (i % 2)], 2 * i);
  });
  return { features, groups };
}

describe("spreadLabels", () => {
  const labels = [2, 0, 2, 2, 5, 2, 2, 2, 2, 2];

  it("has each label as often as it is given, in any number of them", () => {
    for (const [count, seed] of [
      [10, 1],
      [40, 2],
      [333, 3],
    ] as const) {
      const found = spreadLabels(labels, { count, seed });
      for (const [label, share] of [
        [0, 0.1],
        [2, 0.8],
        [5, 0.1],
      ] as const) {
        const times = found.filter((each) => each === label).length;
        // By chance the standard deviation of 0.8 of 333 is 7.
        expect(Math.abs(times - share * count)).toBeLessThan(3);
      }
    }
  });

  it("gives a row its label whatever the number of rows, and other seeds others", () => {
    const found = spreadLabels(labels, { count: 100, seed: 1 });
    expect(spreadLabels(labels, { count: 7, seed: 1 })).toEqual(found.slice(0, 7));
    expect(spreadLabels(labels, { count: 100, seed: 2 })).not.toEqual(found);
    expect(spreadLabels(labels, { count: 0, seed: 1 })).toHaveLength(0);
    expect(labels[0]).toBe(2);
  });

  it("refuses what are no labels, and options that are none", () => {
    expect(() => spreadLabels([], { count: 1, seed: 1 })).toThrow(ShapeError);
    expect(() => spreadLabels(labels, { count: -1, seed: 1 })).toThrow(ConfigError);
    expect(() => spreadLabels(labels, { count: 1, seed: 1, sead: 2 } as never)).toThrow(/sead/);
  });
});

describe("imageKinds", () => {
  it("finds groups whatever the scale of a feature, and says the same for the same seed", async () => {
    const { features, groups } = threeGroups(300);
    const options = { features, dimension: 2, kinds: 6, seed: 3 };
    const { labels, names } = await imageKinds(options);
    expect(names).toHaveLength(6);
    // Two kinds a group, by the second feature: images of a kind are of one group.
    for (let kind = 0; kind < 6; kind++) {
      expect(new Set(groups.filter((_, i) => labels[i] === kind)).size).toBe(1);
    }
    expect(await imageKinds(options)).toEqual({ labels, names });
  });

  it("has no kind without an image, and numbers them without gaps", async () => {
    const features = Float32Array.of(1, 1, 5, 5, 5);
    const { labels, names } = await imageKinds({ features, dimension: 1, kinds: 4, seed: 1 });
    expect(names).toEqual(["kind 1", "kind 2"]);
    expect(new Set(labels)).toEqual(new Set([0, 1]));
    expect(labels[0]).toBe(labels[1]);
    const alike = await imageKinds({ features: new Float32Array(6), dimension: 2, kinds: 2, seed: 1 });
    expect([...alike.labels]).toEqual([0, 0, 0]);
  });

  it("gives classes as a training takes them", async () => {
    const classes = await imageKinds({ features: Float32Array.of(1, 9), dimension: 1, kinds: 2, seed: 1 });
    const images = { data: Uint8Array.of(0, 1), count: 2, height: 1, width: 1, channels: 1, maxValue: 1 };
    const { captions, kind } = imageText("train", { images, classes });
    expect(kind).toBe("classes");
    expect([...captions].sort()).toEqual(["kind 1", "kind 2"]);
  });

  it("refuses what are no features", async () => {
    const good = { features: new Float32Array(4), dimension: 2, kinds: 2, seed: 1 };
    await expect(imageKinds({ ...good, dimension: 3 })).rejects.toThrow(ShapeError);
    await expect(imageKinds({ ...good, features: new Float32Array(0) })).rejects.toThrow(ShapeError);
    await expect(imageKinds({ ...good, features: Float32Array.of(1, Number.NaN) })).rejects.toThrow(DataError);
    await expect(imageKinds({ ...good, kinds: 0 })).rejects.toThrow(ConfigError);
    await expect(imageKinds({ ...good, count: 2 } as never)).rejects.toThrow(/count/);
  });
});
