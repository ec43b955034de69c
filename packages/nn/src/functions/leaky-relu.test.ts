import { ConfigError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { leakyRelu } from "../index.js";
import { distance, expectGradientsByDifferences, expectNoLeak } from "./finite-differences.fixture.js";

beforeAll(() => tf.setBackend("cpu"));

describe("leakyRelu", () => {
  it("has PyTorch's values and gradients", () => {
    // torch.nn.functional.leaky_relu of PyTorch 2.15 with slope 0.2, and its gradient.
    const x = tf.tensor1d([-2, -0.5, 0, 1, 3]);
    expect(distance(leakyRelu(x, 0.2), tf.tensor1d([-0.4, -0.1, 0, 1, 3]))).toBeLessThan(1e-6);
    const gradient = tf.grad((x) => tf.sum(leakyRelu(x, 0.2)))(x);
    expect(distance(gradient, tf.tensor1d([0.2, 0.2, 0.2, 1, 1]))).toBeLessThan(1e-6);
    expect(leakyRelu(tf.scalar(-1)).dataSync()[0]).toBeCloseTo(-0.01, 6);
  });

  it.each([0, 0.1, 1])("has the gradient of finite differences at slope %d, and leaves nothing behind", (slope) => {
    const inputs = [tf.tensor2d([-2, -0.3, 0.2, 4], [2, 2])];
    const ours = (x?: tf.Tensor) => leakyRelu(x!, slope);
    expectGradientsByDifferences(ours, inputs);
    expectNoLeak(ours, inputs);
  });

  it.each([-0.1, 1.5, Number.NaN, "0.2"])("refuses the slope %j", (slope) => {
    expect(() => leakyRelu(tf.scalar(1), slope as number)).toThrow(ConfigError);
    expect(() => leakyRelu(tf.scalar(1), slope as number)).toThrow("expected a slope from 0 to 1, got");
  });
});
