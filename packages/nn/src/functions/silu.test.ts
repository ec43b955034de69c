import { Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { normal, silu } from "../index.js";
import {
  distance,
  expectGradientsByDifferences,
  expectNoLeak,
  expectSameGradients,
} from "./finite-differences.fixture.js";

beforeAll(() => tf.setBackend("cpu"));

describe("silu", () => {
  it("agrees with the composed operations", () => {
    const inputs = [normal([3, 4], { random: Random.fromSeed(3), standardDeviation: 2 })];
    const ours = (x?: tf.Tensor) => silu(x!);
    expectSameGradients(ours, (x) => tf.mul(x!, tf.sigmoid(x!)), inputs);
    expectGradientsByDifferences(ours, inputs);
    expectNoLeak(ours, inputs);
  });

  it("has PyTorch's values and gradients, far from 0 too", () => {
    // torch.nn.functional.silu of PyTorch 2.15 and its gradient.
    const x = tf.tensor1d([-3, -1, 0, 0.5, 2, 10]);
    const value = tf.tensor1d([-0.142278, -0.268941, 0, 0.31123, 1.761594, 9.999546]);
    const gradient = tf.tensor1d([-0.088104, 0.072329, 0.5, 0.739961, 1.090784, 1.000409]);
    expect(distance(silu(x), value)).toBeLessThan(2e-6);
    expect(distance(tf.grad((x) => tf.sum(silu(x)))(x), gradient)).toBeLessThan(2e-6);
    const far = tf.grad((x) => tf.sum(silu(x)))(tf.tensor1d([1e4, -1e4]));
    expect([...far.dataSync()]).toEqual([1, 0]);
  });
});
