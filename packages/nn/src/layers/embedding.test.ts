import { Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  expectGradientsByDifferences,
  expectNoLeak,
  expectSameGradients,
} from "../functions/finite-differences.fixture.js";
import { embedding, normal } from "../index.js";

const random = Random.fromSeed(4);
beforeAll(() => tf.setBackend("cpu"));

describe("embedding", () => {
  // Id 1 comes twice, id 3 never: its gradient row is zero.
  const ids = tf.tensor2d([1, 0, 1, 2, 4, 2], [2, 3], "int32");

  it("agrees with a one-hot product, repeated and absent ids included", () => {
    const inputs = [normal([5, 4], { random })];
    const composed = (table: tf.Tensor) =>
      tf.reshape(tf.matMul(tf.oneHot(tf.reshape(ids, [-1]), 5, 1, 0, "float32") as tf.Tensor2D, table), [2, 3, 4]);
    expectSameGradients(
      (table) => embedding(table!, ids),
      (table) => composed(table!),
      inputs,
    );
    expectGradientsByDifferences((table) => embedding(table!, ids), inputs);
    expectNoLeak((table) => embedding(table!, ids), inputs);
  });

  it("gives [...ids.shape, width]", () => {
    expect(embedding(tf.zeros([5, 4]), ids).shape).toEqual([2, 3, 4]);
    expect(embedding(tf.zeros([5, 4]), tf.tensor1d([3], "int32")).shape).toEqual([1, 4]);
  });

  it("refuses ids that are not int32 and tables that are no matrix", () => {
    expect(() => embedding(tf.zeros([5, 4]), tf.tensor1d([1]))).toThrow(ShapeError);
    expect(() => embedding(tf.zeros([5]), ids)).toThrow("expected shape [rows, width], got [5]");
  });
});
