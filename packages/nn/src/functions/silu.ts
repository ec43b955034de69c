import * as tf from "@tensorflow/tfjs-core";
import { customGradient } from "../transforms/custom-gradient.js";
import { runFusedKernel } from "./fused-kernel.js";

/**
 * Sigmoid linear unit (swish), `y = x · σ(x)`.
 *
 * ∂x = ∂y · (σ + y · (1 − σ)), taken from σ and y: the input is not kept for it.
 *
 * @param x - Any shape, float32; borrowed.
 * @returns Shaped as `x`; yours to dispose.
 * @see Elfwing et al. 2018, https://arxiv.org/abs/1702.03118
 */
export function silu<T extends tf.Tensor>(x: T): T {
  return customGradient([x], {
    forward(x) {
      const [value, sigmoid] = forward(x);
      return { value: value as T, saved: [sigmoid, value] };
    },
    gradient: (dy, [sigmoid, value]) => [tf.tidy(() => tf.mul(dy, tf.add(sigmoid, tf.mul(value, tf.sub(1, sigmoid)))))],
  });
}

function forward(x: tf.Tensor): readonly [value: tf.Tensor, sigmoid: tf.Tensor] {
  const fused = runFusedKernel("MmgenSilu", { x });
  if (fused) {
    return fused as [tf.Tensor, tf.Tensor];
  }
  const sigmoid = tf.sigmoid(x);
  return [tf.mul(x, sigmoid), sigmoid];
}
