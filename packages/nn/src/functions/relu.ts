import * as tf from "@tensorflow/tfjs-core";
import { customGradient } from "../transforms/custom-gradient.js";

/**
 * max(x, 0), whose gradient is taken from the output: a comparison, a cast and a product, where tfjs computes a step
 * function of the input besides, and keeps it.
 *
 * @param x - Any shape, float32; borrowed.
 * @returns Shaped as `x`; yours to dispose. The gradient at 0 is 0.
 */
export function relu<T extends tf.Tensor>(x: T): T {
  return customGradient([x], {
    forward(x) {
      const value = tf.relu(x);
      return { value, saved: [value] };
    },
    gradient: (dy, [value]) => [tf.tidy(() => tf.mul(dy, tf.cast(tf.greater(value, 0), "float32")))],
  });
}
