import * as tf from "@tensorflow/tfjs-core";
import { expect } from "vitest";

type ScalarFunction = (...inputs: tf.Tensor[]) => tf.Tensor;

/**
 * Test support: asserts that the gradient of `fn` agrees with central differences, in every value of every input.
 *
 * The result is made a scalar by weighting its values unequally, so that no gradient can be right by symmetry.
 * The step 1e-2 balances the truncation error, about 1e-4 for values near 1, against float32 rounding over the step.
 */
export function expectGradientsByDifferences(fn: ScalarFunction, inputs: tf.Tensor[], tolerance = 5e-3): void {
  const step = 1e-2;
  const scalar = (...args: tf.Tensor[]) => tf.sum(weigh(fn(...args)));
  const gradients = tf.grads(scalar)(inputs);
  inputs.forEach((input, at) => {
    const values = input.dataSync() as Float32Array;
    const analytic = gradients[at]!.dataSync();
    const valueAt = (index: number, offset: number) =>
      tf.tidy(() => {
        const moved = Float32Array.from(values);
        moved[index] = moved[index]! + offset;
        const args = inputs.map((other, i) => (i === at ? tf.tensor(moved, other.shape) : other));
        return scalar(...args).dataSync()[0]!;
      });
    for (let i = 0; i < values.length; i++) {
      const numeric = (valueAt(i, step) - valueAt(i, -step)) / (2 * step);
      expect(
        Math.abs(analytic[i]! - numeric),
        `input ${at}, value ${i}: ${analytic[i]} against ${numeric}`,
      ).toBeLessThan(tolerance * Math.max(1, Math.abs(numeric)));
    }
  });
  tf.dispose(gradients);
}

/** Test support: asserts that two functions agree in value and in every gradient, to float32 rounding. */
export function expectSameGradients(
  fn: ScalarFunction,
  reference: ScalarFunction,
  inputs: tf.Tensor[],
  tolerance = 1e-5,
): void {
  const [ours, theirs] = [fn, reference].map((f) => tf.valueAndGrads((...args) => tf.sum(weigh(f(...args))))(inputs));
  expect(distance(fn(...inputs), reference(...inputs))).toBeLessThan(tolerance);
  ours!.grads.forEach((gradient, i) => {
    expect(gradient.shape).toEqual(inputs[i]!.shape);
    expect(distance(gradient, theirs!.grads[i]!), `gradient of input ${i}`).toBeLessThan(tolerance);
  });
  tf.dispose([ours!.value, theirs!.value, ours!.grads, theirs!.grads]);
}

/** Test support: the maximum absolute difference of two tensors of one shape. */
export function distance(a: tf.Tensor, b: tf.Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!);
}

/** Test support: asserts that `fn` and its gradients leave nothing behind but what they return, used twice in one tidy. */
export function expectNoLeak(fn: ScalarFunction, inputs: tf.Tensor[]): void {
  const before = tf.memory().numTensors;
  const result = fn(...inputs);
  expect(tf.memory().numTensors).toBe(before + 1);
  result.dispose();
  tf.tidy(() => {
    const twice = tf.grads((...args) => tf.add(tf.sum(fn(...args)), tf.sum(tf.square(fn(...args)))));
    expect(twice(inputs)).toHaveLength(inputs.length);
    expect(twice(inputs)).toHaveLength(inputs.length);
  });
  expect(tf.memory().numTensors).toBe(before);
}

function weigh(result: tf.Tensor): tf.Tensor {
  const factors = Float32Array.from({ length: result.size }, (_, i) => Math.cos(1 + i));
  return tf.mul(result, tf.tensor(factors, result.shape));
}
