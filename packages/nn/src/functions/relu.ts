import * as tf from "@tensorflow/tfjs-core";
import { customGradient } from "../transforms/custom-gradient.js";
import { positiveShare } from "./positive-share.js";

/**
 * max(x, 0), whose gradient is taken from the output: two products and a clip, where tfjs computes a step function of the
 * input, and keeps it. Outputs below 2⁻¹⁰⁰ let only a part of their gradient through.
 *
 * @param x - Any shape, float32; borrowed.
 * @returns Shaped as `x`; yours to dispose. The gradient at 0 is 0, at NaN it is NaN.
 */
export function relu<T extends tf.Tensor>(x: T): T {
  return customGradient([x], {
    forward(x) {
      const value = tf.relu(x);
      return { value, saved: [value] };
    },
    gradient: (dy, [value]) => [tf.tidy(() => tf.mul(dy, positiveShare(value)))],
  });
}
