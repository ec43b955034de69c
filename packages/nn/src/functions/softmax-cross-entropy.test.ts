import { Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { normal, softmaxCrossEntropy } from "../index.js";
import {
  distance,
  expectGradientsByDifferences,
  expectNoLeak,
  expectSameGradients,
} from "./finite-differences.fixture.js";

const random = Random.fromSeed(5);
beforeAll(() => tf.setBackend("cpu"));

describe("softmaxCrossEntropy", () => {
  const labels = tf.tensor1d([2, 0, 4], "int32");

  it("agrees with tfjs's log-softmax", () => {
    const inputs = [normal([3, 5], { random, standardDeviation: 2 })];
    const composed = (logits: tf.Tensor) =>
      tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(labels, 5, 1, 0, "float32")), 1));
    const ours = (logits?: tf.Tensor) => softmaxCrossEntropy(logits!, labels);
    expectSameGradients(ours, (logits) => composed(logits!), inputs);
    expectGradientsByDifferences(ours, inputs);
    expectNoLeak(ours, inputs);
  });

  it("is ln(classes) for equal logits, and finite for huge ones", () => {
    const loss = softmaxCrossEntropy(
      tf.tensor2d([
        [7, 7, 7, 7],
        [1e4, 0, 0, -1e4],
        [0, 0, 0, 1e4],
      ]),
      tf.tensor1d([1, 0, 0], "int32"),
    );
    expect(distance(loss, tf.tensor1d([Math.log(4), 0, 1e4]))).toBeLessThan(1e-6);
  });

  it("refuses labels of another length or dtype", () => {
    expect(() => softmaxCrossEntropy(tf.zeros([2, 5]), labels)).toThrow(ShapeError);
    expect(() => softmaxCrossEntropy(tf.zeros([3, 5]), tf.zeros([3]))).toThrow("expected int32 values, got float32");
  });
});
