import { ConfigError, Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  distance,
  expectGradientsByDifferences,
  expectNoLeak,
  expectSameGradients,
} from "../functions/finite-differences.fixture.js";
import { groupNorm, normal } from "../index.js";

const random = Random.fromSeed(3);
const draw = (...shape: number[]) => normal(shape, { random });
beforeAll(() => tf.setBackend("cpu"));

const norm = (groups: number) => (x?: tf.Tensor, scale?: tf.Tensor, offset?: tf.Tensor) =>
  groupNorm(x as tf.Tensor4D, scale as tf.Tensor1D, offset as tf.Tensor1D, { groups });

const composed = (groups: number) => (x?: tf.Tensor, scale?: tf.Tensor, offset?: tf.Tensor) => {
  const [batch, height, width, channels] = x!.shape as [number, number, number, number];
  const grouped = tf.reshape(x!, [batch, height * width, groups, channels / groups]);
  const { mean, variance } = tf.moments(grouped, [1, 3], true);
  const normalized = tf.div(tf.sub(grouped, mean), tf.sqrt(tf.add(variance, 1e-5)));
  return tf.add(tf.mul(tf.reshape(normalized, x!.shape), scale!), offset!);
};

describe("groupNorm", () => {
  it("has PyTorch's values and gradients", () => {
    // torch.nn.functional.group_norm of PyTorch 2.15, channels moved to the end, and the gradients of sum(y · cos(1 + i)).
    const x = [
      0, 2.927116, 3.031003, -1.375532, -0.766909, 2.43024, 1.997087, 1.638198, 0.344347, -1.523967, 1.840334, 3.973544,
      0.215508, -0.858248, 0.790333, 1.21108,
    ];
    const y = [
      -0.633399, 0.36861, -0.74191, -3.291319, -1.123504, 0.209842, -0.111319, 0.384861, 1.134035, -0.890516, 0.392682,
      3.298859, 0.967491, -0.460247, 1.250178, -1.21314,
    ];
    const dx = [
      0.101475, -0.201525, 0.364018, 0.11717, -0.108453, 0.208503, -0.428762, -0.052426, -1.193038, -0.254086,
      -0.050335, 0.184821, 1.178665, 0.268459, 1.138135, -1.272621,
    ];
    const shape: [number, number, number, number] = [2, 1, 2, 4];
    const inputs = [tf.tensor4d(x, shape), tf.tensor1d([1, 0.5, -1, 2]), tf.tensor1d([0.1, -0.2, 0.3, 0])];
    const factors = tf.tensor4d(
      Float32Array.from(x, (_, i) => Math.cos(1 + i)),
      shape,
    );
    expect(distance(norm(2)(...inputs), tf.tensor4d(y, shape))).toBeLessThan(2e-6);
    const gradients = tf.grads((...all: tf.Tensor[]) => tf.sum(tf.mul(norm(2)(...all), factors)))(inputs);
    expect(distance(gradients[0]!, tf.tensor4d(dx, shape))).toBeLessThan(5e-6);
    expect(distance(gradients[1]!, tf.tensor1d([-0.898257, 1.401399, 4e-5, 3.020441]))).toBeLessThan(5e-6);
    expect(distance(gradients[2]!, tf.tensor1d([0.820281, -0.158311, -0.991352, -0.912949]))).toBeLessThan(5e-6);
  });

  it.each([1, 2, 6])(
    "has the gradient of the composed operations and of differences, %d groups of 6 channels",
    (groups) => {
      const inputs = [tf.add(draw(2, 2, 3, 6), 3), draw(6), draw(6)];
      expectSameGradients(norm(groups), composed(groups), inputs, 2e-5);
      expectGradientsByDifferences(norm(groups), inputs);
      expectNoLeak(norm(groups), inputs);
    },
  );

  it("keeps its digits where channels of a group differ much, and the mean is large", () => {
    const means = tf.tensor1d([1000, -500, 0, 20]);
    const x = tf.add(draw(2, 4, 4, 4), means);
    const identity = [tf.ones([4]), tf.zeros([4])];
    expect(distance(norm(2)(x, ...identity), composed(2)(x, ...identity))).toBeLessThan(1e-3);
    const constant = tf.fill([1, 4, 4, 4], 1000.1);
    expect(
      Math.max(
        ...norm(2)(constant, ...identity)
          .dataSync()
          .map(Math.abs),
      ),
    ).toBeLessThan(0.2);
  });

  it("does not depend on the other images of the batch", () => {
    const [x, scale, offset] = [draw(3, 2, 2, 4), draw(4), draw(4)] as const;
    const alone = norm(2)(tf.slice(x, [1, 0, 0, 0], [1, 2, 2, 4]), scale, offset);
    expect([...alone.dataSync()]).toEqual([...norm(2)(x, scale, offset).dataSync().slice(16, 32)]);
  });

  it("refuses other shapes and groups that do not divide the channels", () => {
    const [x, ones] = [tf.zeros<tf.Rank.R4>([1, 2, 2, 4]), tf.ones<tf.Rank.R1>([4])];
    for (const groups of [3, 0, -2, 1.5, "2"]) {
      expect(() => groupNorm(x, ones, ones, { groups: groups as number })).toThrow(ConfigError);
    }
    expect(() => groupNorm(x, ones, ones, { groups: 3 })).toThrow("a divisor of the 4 channels, got 3 (number)");
    expect(() => groupNorm(x, tf.ones([3]), ones, { groups: 2 })).toThrow(ShapeError);
    expect(() => groupNorm(tf.zeros([4, 4]) as never, ones, ones, { groups: 2 })).toThrow(ShapeError);
  });
});
