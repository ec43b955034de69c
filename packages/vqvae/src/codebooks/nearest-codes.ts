import * as tf from "@tensorflow/tfjs-core";
import { keepRows, type RowMask } from "./row-mask.js";

/**
 * The nearest codebook row of each latent vector, by Euclidean distance.
 *
 * ‖z − e‖² = ‖z‖² + ‖e‖² − 2 z·eᵀ takes one matmul, and ‖z‖² is the same for all rows, so it is left out; the
 * `[vectors, codebookSize, codeDimension]` differences are never made.
 *
 * @param latents - `[vectors, codeDimension]`; borrowed.
 * @param codebook - `[codebookSize, codeDimension]`; borrowed.
 * @returns `[vectors]`, int32; yours to dispose. No gradient: call it within `noGrad` where gradients are recorded.
 */
export function nearestCodes(latents: tf.Tensor2D, codebook: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const lengths = tf.sum(tf.square(codebook), 1); // [codebookSize]
    const closeness = tf.sub(tf.mul(tf.matMul(latents, codebook, false, true), 2), lengths);
    return tf.cast(tf.argMax(closeness, 1), "int32") as tf.Tensor1D;
  });
}

/** The row with the largest dot product; of rows of length 1, the one at the smallest angle. See {@link nearestCodes}. */
export function alignedCodes(latents: tf.Tensor2D, codebook: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => tf.cast(tf.argMax(tf.matMul(latents, codebook, false, true), 1), "int32") as tf.Tensor1D);
}

/** How often each code was taken, and the sum of the vectors that took it. */
export interface CodeSums {
  /** `[codebookSize]`. */
  readonly counts: tf.Tensor1D;
  /** `[codebookSize, codeDimension]`. */
  readonly sums: tf.Tensor2D;
}

/**
 * Counts and sums by code, through a one-hot matrix: a matmul is faster than scattered additions.
 *
 * @param latents - `[vectors, codeDimension]`; borrowed.
 * @param codes - `[vectors]`, int32; borrowed.
 * @param mask - Of the latents that count; borrowed.
 * @returns Yours to dispose.
 */
export function codeSums(
  latents: tf.Tensor2D,
  codes: tf.Tensor1D,
  { codebookSize, mask }: { readonly codebookSize: number; readonly mask?: RowMask | undefined },
): CodeSums {
  return tf.tidy(() => {
    const oneHot = keepRows(tf.oneHot(codes, codebookSize, 1, 0, "float32") as tf.Tensor2D, mask);
    const sums = tf.matMul(oneHot, keepRows(latents, mask), true, false) as tf.Tensor2D;
    return { counts: tf.sum(oneHot, 0) as tf.Tensor1D, sums };
  });
}
