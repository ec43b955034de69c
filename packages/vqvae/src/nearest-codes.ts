import * as tf from "@tensorflow/tfjs-core";

/**
 * The nearest codebook row of each latent vector, by Euclidean distance.
 *
 * ‖z − e‖² = ‖z‖² + ‖e‖² − 2 z·eᵀ takes one matmul, and ‖z‖² is the same for all rows, so it is left out; the
 * `[vectors, codebookSize, codeDimension]` differences are never made.
 *
 * @param latents - `[vectors, codeDimension]`; borrowed.
 * @param codebook - `[codebookSize, codeDimension]`; borrowed.
 * @returns `[vectors]`, int32; yours to dispose. No gradient: call it outside the tape where gradients are recorded.
 */
export function nearestCodes(latents: tf.Tensor2D, codebook: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const lengths = tf.sum(tf.square(codebook), 1); // [codebookSize]
    const closeness = tf.sub(tf.mul(tf.matMul(latents, codebook, false, true), 2), lengths);
    return tf.cast(tf.argMax(closeness, 1), "int32") as tf.Tensor1D;
  });
}

/** The row with the greatest dot product; of rows of length 1, the one at the least angle. See {@link nearestCodes}. */
export function alignedCodes(latents: tf.Tensor2D, codebook: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => tf.cast(tf.argMax(tf.matMul(latents, codebook, false, true), 1), "int32") as tf.Tensor1D);
}
