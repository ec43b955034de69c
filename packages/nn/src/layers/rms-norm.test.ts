import { Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  distance,
  expectGradientsByDifferences,
  expectNoLeak,
  expectSameGradients,
} from "../functions/finite-differences.fixture.js";
import { normal, rmsNorm } from "../index.js";

const random = Random.fromSeed(2);
beforeAll(() => tf.setBackend("cpu"));

function composed(x: tf.Tensor, scale: tf.Tensor): tf.Tensor {
  return tf.mul(tf.div(x, tf.sqrt(tf.add(tf.mean(tf.square(x), -1, true), 1e-5))), scale);
}

describe("rmsNorm", () => {
  for (const leading of [[3], [2, 3], [2, 2, 3]]) {
    it(`agrees with the composed operations for x of rank ${leading.length + 1}`, () => {
      const inputs = [normal([...leading, 6], { random }), normal([6], { random })];
      const ours = (...args: tf.Tensor[]) => rmsNorm(args[0]!, args[1]!);
      expectSameGradients(ours, (...args) => composed(args[0]!, args[1]!), inputs);
      expectGradientsByDifferences(ours, inputs);
      expectNoLeak(ours, inputs);
    });
  }

  it("divides by the root mean square, and leaves the mean", () => {
    // √((9 + 16) / 2 + 12.5) = 5.
    const y = rmsNorm(tf.tensor2d([[3, 4]]), tf.tensor1d([1, 10]), { epsilon: 12.5 });
    expect(distance(y, tf.tensor2d([[0.6, 8]]))).toBeLessThan(1e-6);
  });

  it("names the shapes that do not fit", () => {
    expect(() => rmsNorm(tf.zeros([2, 5]), tf.zeros([4]))).toThrow(ShapeError);
    expect(() => rmsNorm(tf.zeros([2, 5]), tf.zeros([4]))).toThrow("scale: expected shape [5], got [4]");
    expect(() => rmsNorm(tf.scalar(1), tf.zeros([1]))).toThrow("at least one axis");
  });
});
