import { Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { gelu, normal } from "../index.js";
import {
  distance,
  expectGradientsByDifferences,
  expectNoLeak,
  expectSameGradients,
} from "./finite-differences.fixture.js";

const random = Random.fromSeed(3);
beforeAll(() => tf.setBackend("cpu"));

const composed = {
  none: (x: tf.Tensor) => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.div(x, Math.SQRT2)))),
  tanh: (x: tf.Tensor) => {
    const cubic = tf.add(x, tf.mul(0.044715, tf.pow(x, tf.scalar(3))));
    return tf.mul(tf.mul(x, 0.5), tf.add(1, tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), cubic))));
  },
};

describe("gelu", () => {
  for (const approximate of ["none", "tanh"] as const) {
    it(`agrees with the composed operations, approximate: "${approximate}"`, () => {
      const inputs = [normal([3, 4], { random, standardDeviation: 2 })];
      const ours = (x?: tf.Tensor) => gelu(x!, { approximate });
      expectSameGradients(ours, (x) => composed[approximate](x!), inputs, 1e-5);
      expectGradientsByDifferences(ours, inputs);
      expectNoLeak(ours, inputs);
    });
  }

  it("is exact by default", () => {
    // Values of x·Φ(x) from the standard normal table; 1e-6 allows for float32 rounding.
    const expected = tf.tensor1d([-0.0455003, -0.1586553, 0, 0.8413447, 1.9544997]);
    expect(distance(gelu(tf.tensor1d([-2, -1, 0, 1, 2])), expected)).toBeLessThan(1e-6);
  });
});
