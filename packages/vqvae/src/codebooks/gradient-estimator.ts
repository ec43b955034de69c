import { customGradient } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { unitLength } from "./unit-length.js";

/** How the decoder's gradient reaches latents that have been replaced by rows. */
export type GradientEstimatorName = (typeof gradientEstimatorNames)[number];

export const gradientEstimatorNames = ["straight-through", "rotation"] as const;

/** The value of `quantized`, with the named gradient for `latents`; see {@link straightThrough}, {@link rotationTrick}. */
export function estimateGradient(
  name: GradientEstimatorName,
  latents: tf.Tensor2D,
  quantized: tf.Tensor2D,
): tf.Tensor2D {
  return name === "rotation" ? rotationTrick(latents, quantized) : straightThrough(latents, quantized);
}

/**
 * z + sg(q − z): the value of `quantized`, the gradient of `latents`.
 *
 * @param latents - Any shape; borrowed.
 * @param quantized - Shaped as `latents`, without gradient; borrowed.
 * @returns Yours to dispose.
 * @see Bengio et al. 2013, https://arxiv.org/abs/1308.3432
 */
export function straightThrough(latents: tf.Tensor2D, quantized: tf.Tensor2D): tf.Tensor2D {
  return customGradient([latents], {
    forward: (_latents) => ({ value: tf.clone(quantized), saved: [] }),
    gradient: (dy) => [tf.clone(dy)],
  });
}

/** A shorter vector has no direction worth rotating, and λ would be huge. */
const minLength = 1e-4;

/**
 * The value of `quantized`, and its gradient as if each latent had been rotated and scaled to it.
 *
 * With ẑ and q̂ the unit vectors of latent and row, w = (ẑ + q̂)/‖ẑ + q̂‖ and λ = ‖q‖/‖z‖, all without gradient, the
 * decoder sees λ[z − 2(z·w)w + 2(z·ẑ)q̂], which is q; so for the gradient g of q, z has λ[g − 2(g·w)w + 2(g·q̂)ẑ]. The
 * angle between a gradient and its vector is kept, where {@link straightThrough} copies the gradient unchanged.
 * A latent or row shorter than 1e-4 has the gradient of straight-through.
 *
 * @param latents - `[vectors, dimension]`; borrowed.
 * @param quantized - Shaped as `latents`, without gradient; borrowed.
 * @returns Yours to dispose.
 * @see Fifty et al. 2024, section 4, https://arxiv.org/abs/2410.06424
 */
export function rotationTrick(latents: tf.Tensor2D, quantized: tf.Tensor2D): tf.Tensor2D {
  return customGradient([latents], {
    forward: (z) => ({ value: tf.clone(quantized), saved: [z, quantized] }),
    gradient: (dy, [z, q]) => [rotatedBack(dy, z, q)],
  });
}

/** λ[g − 2(g·w)w + 2(g·q̂)ẑ] of each row. */
function rotatedBack(gradient: tf.Tensor, latents: tf.Tensor2D, quantized: tf.Tensor2D): tf.Tensor {
  const [from, to] = [unitLength(latents), unitLength(quantized)];
  const between = unitLength(tf.add(from, to)); // w, [vectors, dimension]
  const along = (vector: tf.Tensor) => tf.sum(tf.mul(gradient, vector), 1, true); // [vectors, 1]
  const rotated = tf.add(
    tf.sub(gradient, tf.mul(tf.mul(along(between), 2), between)),
    tf.mul(tf.mul(along(to), 2), from),
  );
  const [fromLength, toLength] = [lengths(latents), lengths(quantized)];
  const scaled = tf.mul(tf.div(toLength, tf.maximum(fromLength, minLength)), rotated);
  const directed = tf.greater(tf.minimum(fromLength, toLength), minLength);
  return tf.where(tf.tile(directed, [1, gradient.shape[1]!]), scaled, gradient);
}

/** `[vectors, 1]`. */
function lengths(vectors: tf.Tensor2D): tf.Tensor {
  return tf.sqrt(tf.sum(tf.square(vectors), 1, true));
}
