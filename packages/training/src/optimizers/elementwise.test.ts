import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it, vi } from "vitest";
import { applyElementwise } from "./elementwise.js";

describe("applyElementwise", () => {
  const shapes = [[3], [2, 2], [1], [4], []];
  const numbers = (shape: number[], first: number) => {
    const size = tf.util.sizeFromShape(shape);
    return tf.tensor(
      Array.from({ length: size }, (_, i) => first + i / 7),
      shape,
    );
  };

  it("gives each tensor its own results, with one call for all vectors", () => {
    tf.tidy(() => {
      const inputs = shapes.map((shape, i) => [numbers(shape, i), numbers(shape, 10 * i)]);
      const apply = vi.fn(([a, b]: readonly tf.Tensor[]) => [tf.mul(a!, b!), tf.sub(a!, b!)]);
      const results = applyElementwise(inputs, apply);
      // The matrix, the scalar, and all vectors together.
      expect(apply).toHaveBeenCalledTimes(3);
      for (const [i, [a, b]] of inputs.entries()) {
        for (const [j, expected] of [tf.mul(a!, b!), tf.sub(a!, b!)].entries()) {
          expect(results[i]![j]!.shape).toEqual(shapes[i]);
          expect([...results[i]![j]!.dataSync()]).toEqual([...expected.dataSync()]);
        }
      }
    });
  });

  it("takes no tensor at all", () => {
    expect(applyElementwise([], (tensors) => tensors)).toEqual([]);
  });
});
