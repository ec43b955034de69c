import { Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { distance, expectGradientsByDifferences, expectNoLeak } from "../functions/finite-differences.fixture.js";
import { batchNorm, batchNormInference, normal } from "../index.js";

const random = Random.fromSeed(3);
const draw = (...shape: number[]) => normal(shape, { random });
beforeAll(() => tf.setBackend("cpu"));

const composed = (x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) => {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5))), scale), offset);
};
const output = (x?: tf.Tensor, scale?: tf.Tensor, offset?: tf.Tensor) => {
  const result = batchNorm(x as tf.Tensor4D, scale as tf.Tensor1D, offset as tf.Tensor1D);
  tf.dispose([result.mean, result.variance]);
  return result.output;
};

describe("batchNorm", () => {
  it("normalizes over all but the channels and gives back the statistics", () => {
    const [x, scale, offset] = [draw(3, 2, 2, 4), draw(4), draw(4)] as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
    const { output, mean, variance } = batchNorm(x, scale, offset);
    expect(distance(output, composed(x, scale, offset))).toBeLessThan(1e-5);
    const moments = tf.moments(x, [0, 1, 2]);
    expect(distance(mean, moments.mean)).toBeLessThan(1e-6);
    expect(distance(variance, moments.variance)).toBeLessThan(1e-6);
  });

  it("has the gradient of the composed operations, also where the mean is large", () => {
    const shifted = tf.add(draw(3, 2, 2, 4), 3);
    const inputs = [shifted, draw(4), draw(4)];
    expectGradientsByDifferences(output, inputs);
    expectNoLeak(output, inputs);
  });

  it("lets no gradient through the statistics", () => {
    const [x, scale, offset] = [draw(3, 2, 2, 1), draw(1), draw(1)] as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
    expect(() => tf.grad((x) => tf.sum(batchNorm(x as tf.Tensor4D, scale, offset).mean))(x)).toThrow();
  });
});

describe("batchNormInference", () => {
  it("equals the training form fed its own statistics", () => {
    const [x, scale, offset] = [draw(3, 2, 2, 4), draw(4), draw(4)] as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
    const { output, mean, variance } = batchNorm(x, scale, offset);
    const before = tf.memory().numTensors;
    const fixed = batchNormInference(x, scale, offset, mean, variance);
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(distance(fixed, output)).toBeLessThan(1e-6);
  });
});
