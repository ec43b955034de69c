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
import { layerNorm, normal } from "../index.js";

const random = Random.fromSeed(2);
beforeAll(() => tf.setBackend("cpu"));

function composed(x: tf.Tensor, scale: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5))), scale), bias);
}

describe("layerNorm", () => {
  for (const leading of [[3], [2, 3]]) {
    it(`agrees with the composed operations for x of rank ${leading.length + 1}`, () => {
      const inputs = [normal([...leading, 6], { random }), normal([6], { random }), normal([6], { random })];
      const ours = (...args: tf.Tensor[]) => layerNorm(args[0]!, args[1]!, args[2]!);
      expectSameGradients(ours, (...args) => composed(args[0]!, args[1]!, args[2]!), inputs);
      expectGradientsByDifferences(ours, inputs);
      expectNoLeak(ours, inputs);
    });
  }

  it("works without a bias", () => {
    const inputs = [normal([2, 3, 6], { random }), normal([6], { random })];
    const ours = (...args: tf.Tensor[]) => layerNorm(args[0]!, args[1]!);
    expectSameGradients(ours, (...args) => composed(args[0]!, args[1]!, tf.zeros([6])), inputs);
    expectNoLeak(ours, inputs);
  });

  it("gives rows of mean 0 and variance 1", () => {
    const x = normal([4, 64], { random, standardDeviation: 7 });
    const { mean, variance } = tf.moments(layerNorm(x, tf.ones([64]), tf.zeros([64])), -1);
    expect(distance(mean, tf.zeros([4]))).toBeLessThan(1e-5);
    // Off by epsilon / variance, about 2e-7, and rounding.
    expect(distance(variance, tf.ones([4]))).toBeLessThan(1e-5);
  });

  it("uses the epsilon given", () => {
    const y = layerNorm(tf.tensor2d([[-1, 1]]), tf.ones([2]), tf.zeros([2]), { epsilon: 3 });
    expect(distance(y, tf.tensor2d([[-0.5, 0.5]]))).toBeLessThan(1e-6);
  });

  it("names the shapes that do not fit", () => {
    expect(() => layerNorm(tf.zeros([2, 5]), tf.zeros([4]), tf.zeros([5]))).toThrow(ShapeError);
    expect(() => layerNorm(tf.zeros([2, 5]), tf.zeros([5]), tf.zeros([4]))).toThrow(
      "bias: expected shape [5], got [4]",
    );
  });
});
