import * as tf from "@tensorflow/tfjs-core";
import { unitLength } from "./nearest-codes.js";

/** How the decoder's gradient reaches latents that rows have taken the place of. */
export type GradientEstimatorName = "straight-through" | "rotation";

/** The names, for the check of a configuration. */
export const gradientEstimatorNames: readonly GradientEstimatorName[] = ["straight-through", "rotation"];

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
 * @param quantized - Shaped as `latents`, a constant to the tape; borrowed.
 * @returns Yours to dispose.
 * @see Bengio et al. 2013, https://arxiv.org/abs/1308.3432
 */
export function straightThrough(latents: tf.Tensor2D, quantized: tf.Tensor2D): tf.Tensor2D {
  const run = tf.customGrad(() => ({ value: tf.clone(quantized), gradFunc: (dy) => tf.clone(dy) }));
  return run(latents) as tf.Tensor2D;
}

/** Below this length a vector has no direction worth rotating, and λ is beyond reason. */
const least = 1e-4;

/**
 * The value of `quantized`, and its gradient as if each latent had been rotated and scaled to it.
 *
 * With ẑ and q̂ the unit vectors of latent and row, w = (ẑ + q̂)/‖ẑ + q̂‖ and λ = ‖q‖/‖z‖, all constants to the tape, the
 * decoder sees λ[z − 2(z·w)w + 2(z·ẑ)q̂], which is q; so for the gradient g of q, z has λ[g − 2(g·w)w + 2(g·q̂)ẑ]. Angles
 * between a gradient and its vector are kept, where {@link straightThrough} copies the gradient as it is, from however far.
 * A latent or row shorter than 1e-4 has the gradient of straight-through.
 *
 * @param latents - `[vectors, dimension]`; borrowed.
 * @param quantized - Shaped as `latents`, a constant to the tape; borrowed.
 * @returns Yours to dispose.
 * @see Fifty et al. 2024, section 4, https://arxiv.org/abs/2410.06424
 */
export function rotationTrick(latents: tf.Tensor2D, quantized: tf.Tensor2D): tf.Tensor2D {
  const run = tf.customGrad((...args) => {
    const [z, save] = args as [tf.Tensor, tf.GradSaveFunc];
    save([z, quantized]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => rotatedBack(dy, ...(saved as [tf.Tensor2D, tf.Tensor2D]));
    return { value: tf.clone(quantized), gradFunc };
  });
  return run(latents) as tf.Tensor2D;
}

/** λ[g − 2(g·w)w + 2(g·q̂)ẑ] of each row. */
function rotatedBack(gradient: tf.Tensor, latents: tf.Tensor2D, quantized: tf.Tensor2D): tf.Tensor {
  const [from, to] = [unitLength(latents), unitLength(quantized)];
  const between = unitLength(tf.add(from, to)); // w, [vectors, dimension]
  const along = (vector: tf.Tensor) => tf.sum(tf.mul(gradient, vector), 1, true); // [vectors, 1]
  const turned = tf.add(
    tf.sub(gradient, tf.mul(tf.mul(along(between), 2), between)),
    tf.mul(tf.mul(along(to), 2), from),
  );
  const [fromLength, toLength] = [latents, quantized].map((each) => tf.sqrt(tf.sum(tf.square(each), 1, true))) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const scaled = tf.mul(tf.div(toLength, tf.maximum(fromLength, least)), turned);
  const directed = tf.greater(tf.minimum(fromLength, toLength), least);
  return tf.where(tf.tile(directed, [1, gradient.shape[1]!]), scaled, gradient);
}
