import "@mmgen/nn/gradients";
import { Random } from "@mmgen/core";
import { oneHot, stopGradient } from "@mmgen/nn";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { indexBackpropagation } from "./index-backpropagation.js";
import { alignedCodes } from "./nearest-codes.js";
import { rowMask } from "./row-mask.js";

beforeAll(() => tf.setBackend("cpu"));

const z = tf.tensor2d([0.3, -1.2, 1.1, 0.4, -0.5, 0.9, 0.2, 0.1], [4, 2]);
const rows = tf.tensor2d([0.5, 0.2, -0.3, 0.8, 0.1, -0.9, 0.6, -0.4, -0.2, -0.1], [5, 2]);
const weights = tf.tensor2d([1, -2, 0.5, 0.25, -1.5, 1, 2, 0.75], [4, 2]);

const gradientsOf = (fn: (z: tf.Tensor2D, rows: tf.Tensor2D) => tf.Tensor2D, weigh: tf.Tensor = weights) =>
  tf.grads((z, rows) => tf.sum(tf.mul(fn(z as tf.Tensor2D, rows as tf.Tensor2D), weigh)));

const byIndex = (z: tf.Tensor2D, rows: tf.Tensor2D) => indexBackpropagation(z, rows, { codes: alignedCodes(z, rows) });

function expectClose(found: tf.Tensor, expected: readonly number[], name: string): void {
  const values = found.dataSync();
  expect(values.length, name).toBe(expected.length);
  // float32 against float64.
  expected.forEach((value, i) => {
    expect(Math.abs(values[i]! - value), `${name}[${i}]`).toBeLessThan(2e-5);
  });
}

describe("index backpropagation", () => {
  it("has the row of the largest product, and PyTorch's gradients of o·E with o = h − sg(s) + s", () => {
    expect(alignedCodes(z, rows).arraySync()).toEqual([2, 0, 1, 0]);
    expect(byIndex(z, rows).dataSync()).toEqual(tf.gather(rows, [2, 0, 1, 0]).dataSync());
    const [ofLatents, ofRows] = gradientsOf(byIndex)([z, rows]);
    expectClose(ofLatents!, [0.097305, -0.462819, 0.047535, 0.030373, -0.305558, 0.477674, 0.207471, 0.078376], "∂z");
    const expected = [2.638982, 1.055228, -1.781905, 1.551141, 1.087598, -2.533597, 0.154994, -0.219341];
    expectClose(ofRows!, [...expected, -0.099669, 0.146569], "∂E");
  });

  it("equals its composition from tfjs's operations, far from the origin too", () => {
    const random = Random.fromSeed(1);
    const far = tf.tensor2d(random.normals(60), [20, 3]);
    const many = tf.add(tf.tensor2d(random.normals(24), [8, 3]), 2) as tf.Tensor2D;
    const weigh = tf.tensor2d(random.normals(60), [20, 3]);
    const composed = (z: tf.Tensor2D, rows: tf.Tensor2D) => {
      const shares = tf.softmax(tf.matMul(z, rows, false, true));
      const chosen = tf.sub(oneHot(alignedCodes(z, rows), 8), stopGradient(shares));
      return tf.matMul(tf.add<tf.Tensor2D>(chosen, shares), rows) as tf.Tensor2D;
    };
    const found = gradientsOf(byIndex, weigh)([far, many]);
    gradientsOf(
      composed,
      weigh,
    )([far, many]).forEach((gradient, i) => {
      expectClose(found[i]!, [...gradient.dataSync()], `gradient ${i}`);
    });
  });

  it("reaches the rows from the latents that count alone, whatever the others hold", () => {
    const holding = tf.tensor2d([0.3, -1.2, Number.NaN, 0.4, -0.5, 0.9, Number.POSITIVE_INFINITY, 0.1], [4, 2]);
    const mask = rowMask(tf.tensor1d([1, 0, 1, 0]));
    const codes = tf.tensor1d([2, 0, 1, 0], "int32");
    const masked = gradientsOf((z, rows) => indexBackpropagation(z, rows, { codes, mask }))([holding, rows])[1]!;
    const kept = [0, 2];
    const alone = gradientsOf(byIndex, tf.gather(weights, kept))([tf.gather(z, kept), rows])[1]!;
    expectClose(masked, [...alone.dataSync()], "∂E");
  });
});
