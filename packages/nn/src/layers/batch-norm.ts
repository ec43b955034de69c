import * as tf from "@tensorflow/tfjs-core";
import { customGradient } from "../transforms/custom-gradient.js";
import { noGrad } from "../transforms/no-grad.js";

/** What {@link batchNorm} gives. */
export interface BatchNormResult {
  /** Shaped as the input. */
  readonly output: tf.Tensor4D;
  /** Mean of each channel over the batch, `[channels]`; no gradient flows through it. */
  readonly mean: tf.Tensor1D;
  /** Biased variance of each channel over the batch, `[channels]`; no gradient flows through it. */
  readonly variance: tf.Tensor1D;
}

/**
 * Normalizes each channel by its mean and variance over the batch, then scales and shifts it: the training-time form.
 *
 * With x̂ = (x − μ)/√(σ² + ε) over m values a channel, output = γx̂ + β and
 * ∂x = γ/√(σ² + ε) · (∂y − mean(∂y) − x̂ · mean(∂y · x̂)).
 *
 * @param x - `[batch, height, width, channels]`; borrowed.
 * @param scale - γ, `[channels]`; borrowed.
 * @param offset - β, `[channels]`; borrowed.
 * @param epsilon - ε, 1e-5 unless given.
 * @returns Yours to dispose.
 * @see Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167
 */
export function batchNorm(x: tf.Tensor4D, scale: tf.Tensor1D, offset: tf.Tensor1D, epsilon = 1e-5): BatchNormResult {
  const [mean, variance] = noGrad(() => {
    const mean = tf.mean(x, [0, 1, 2]) as tf.Tensor1D;
    return [mean, tf.mean(tf.square(tf.sub(x, mean)), [0, 1, 2]) as tf.Tensor1D] as const;
  });
  const output = customGradient([x, scale, offset], {
    forward(x, scale, offset) {
      const inverseStd = tf.rsqrt(tf.add(variance, epsilon));
      return { value: affine(x, scale, offset, mean, inverseStd), saved: [x, scale, mean, inverseStd] };
    },
    gradient: gradients,
  });
  return { output, mean, variance };
}

/**
 * Normalizes by fixed statistics, those gathered in training: the inference form, an affine map a channel.
 *
 * @param x - `[batch, height, width, channels]`; borrowed, as are the others, `[channels]` each.
 * @returns Shaped as `x`; yours to dispose.
 */
export function batchNormInference(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  mean: tf.Tensor1D,
  variance: tf.Tensor1D,
  epsilon = 1e-5,
): tf.Tensor4D {
  return tf.tidy(() => affine(x, scale, offset, mean, tf.rsqrt(tf.add(variance, epsilon))));
}

function affine(x: tf.Tensor4D, scale: tf.Tensor, offset: tf.Tensor, mean: tf.Tensor, inverseStd: tf.Tensor) {
  const slope = tf.mul(scale, inverseStd); // [channels]
  return tf.add(tf.mul(x, slope), tf.sub(offset, tf.mul(mean, slope))) as tf.Tensor4D;
}

function gradients(
  dy: tf.Tensor4D,
  [x, scale, mean, inverseStd]: readonly [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor],
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  return tf.tidy(() => {
    const count = x.size / scale.size;
    const dOffset = tf.sum(dy, [0, 1, 2]);
    const dScale = tf.mul(inverseStd, tf.sub(tf.sum(tf.mul(dy, x), [0, 1, 2]), tf.mul(mean, dOffset)));
    // ∂x is affine in ∂y and x, with one slope each and one shift a channel: two passes over the large tensors, not five.
    const slope = tf.mul(scale, inverseStd);
    const xSlope = tf.mul(tf.mul(slope, inverseStd), tf.div(dScale, -count));
    const shift = tf.sub(tf.mul(slope, tf.div(dOffset, -count)), tf.mul(xSlope, mean));
    return [tf.add(tf.add(tf.mul(dy, slope), tf.mul(x, xSlope)), shift), dScale, dOffset];
  });
}
