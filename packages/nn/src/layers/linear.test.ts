import { Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  expectGradientsByDifferences,
  expectNoLeak,
  expectSameGradients,
} from "../functions/finite-differences.fixture.js";
import { linear, normal } from "../index.js";

const random = Random.fromSeed(1);
beforeAll(() => tf.setBackend("cpu"));

describe("linear", () => {
  for (const leading of [[5], [2, 3], []]) {
    it(`agrees with the composed operations for x of rank ${leading.length + 1}`, () => {
      const inputs = [normal([...leading, 4], { random }), normal([3, 4], { random }), normal([3], { random })];
      const composed = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) =>
        tf.reshape(tf.add(tf.matMul(tf.reshape(x, [-1, 4]), tf.transpose(weight)), bias), [...leading, 3]);
      expectSameGradients(
        (x, w, b) => linear(x!, w!, b),
        (x, w, b) => composed(x!, w!, b!),
        inputs,
      );
      expectGradientsByDifferences((x, w, b) => linear(x!, w!, b), inputs);
      expectNoLeak((x, w, b) => linear(x!, w!, b), inputs);
    });
  }

  it("works without a bias", () => {
    const inputs = [normal([2, 4], { random }), normal([3, 4], { random })];
    expectSameGradients(
      (x, w) => linear(x!, w!),
      (x, w) => tf.matMul(x!, w!, false, true),
      inputs,
    );
    expectNoLeak((x, w) => linear(x!, w!), inputs);
  });

  it("names the shapes that do not fit", () => {
    const weight = tf.zeros([3, 4]);
    expect(() => linear(tf.zeros([2, 5]), weight)).toThrow(ShapeError);
    expect(() => linear(tf.zeros([2, 5]), weight)).toThrow("x [2, 5] must end in the weight's 4 inputs");
    expect(() => linear(tf.zeros([2, 4]), weight, tf.zeros([4]))).toThrow("expected shape [3], got [4]");
  });
});
