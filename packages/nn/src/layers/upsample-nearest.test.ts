import { ConfigError, Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { expectGradientsByDifferences, expectNoLeak } from "../functions/finite-differences.fixture.js";
import { normal, upsampleNearest } from "../index.js";

beforeAll(() => tf.setBackend("cpu"));

describe("upsampleNearest", () => {
  it("has PyTorch's values and gradients", () => {
    // torch.nn.functional.interpolate(…, mode="nearest") of PyTorch 2.15, channels moved to the end.
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 2, 2]);
    const rows = [
      [1, 2, 1, 2, 3, 4, 3, 4],
      [5, 6, 5, 6, 7, 8, 7, 8],
    ];
    expect([...upsampleNearest(x).dataSync()]).toEqual([...rows[0]!, ...rows[0]!, ...rows[1]!, ...rows[1]!]);
    const places = tf.reshape(tf.range(0, 32), [1, 4, 4, 2]);
    const gradient = tf.grad((x) => tf.sum(tf.mul(upsampleNearest(x as tf.Tensor4D), places)))(x);
    expect([...gradient.dataSync()]).toEqual([20, 24, 36, 40, 84, 88, 100, 104]);
  });

  it.each([1, 2, 3])("has the gradient of differences for two images, factor %d", (factor) => {
    const inputs = [normal([2, 2, 3, 2], { random: Random.fromSeed(1) })];
    const ours = (x?: tf.Tensor) => upsampleNearest(x as tf.Tensor4D, factor);
    expectGradientsByDifferences(ours, inputs);
    expectNoLeak(ours, inputs);
  });

  it("repeats pixels evenly at every factor", () => {
    // 49 · (1/49) is below 1 in doubles.
    const x = tf.tensor4d([0, 1, 2], [1, 3, 1, 1]);
    const column = upsampleNearest(x, 49)
      .dataSync()
      .filter((_, i) => i % 49 === 0);
    expect([...column]).toEqual(Array.from({ length: 147 }, (_, row) => Math.floor(row / 49)));
  });

  it("refuses other ranks and factors", () => {
    const x = tf.zeros<tf.Rank.R4>([1, 2, 2, 1]);
    for (const factor of [0, -2, 1.5, "2"]) {
      expect(() => upsampleNearest(x, factor as number)).toThrow(ConfigError);
    }
    expect(() => upsampleNearest(tf.zeros([2, 2]) as never)).toThrow(ShapeError);
  });
});
