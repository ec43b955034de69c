import { oneHot } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { keepRows, type RowMask } from "./row-mask.js";

/**
 * The nearest codebook row of each latent vector, by Euclidean distance; see {@link closeness}.
 *
 * @param latents - `[vectors, codeDimension]`; borrowed.
 * @param codebook - `[codebookSize, codeDimension]`; borrowed.
 * @returns `[vectors]`, int32; yours to dispose. No gradient: call it within `noGrad` where gradients are recorded.
 */
export function nearestCodes(latents: tf.Tensor2D, codebook: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => bestCodes(closeness(latents, codebook)));
}

/** The row with the largest dot product; of rows of length 1, the one at the smallest angle. See {@link alignment}. */
export function alignedCodes(latents: tf.Tensor2D, codebook: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => bestCodes(alignment(latents, codebook)));
}

/** The code of the largest score of each row, `[vectors, codebookSize]` → `[vectors]`, int32. No gradient. */
export function bestCodes(scores: tf.Tensor2D): tf.Tensor1D {
  return tf.cast(tf.argMax(scores, 1), "int32") as tf.Tensor1D;
}

/**
 * How near each row is to each latent: −‖z − e‖² plus what is the same for all rows of a latent. Differentiable.
 *
 * ‖z − e‖² = ‖z‖² + ‖e‖² − 2 z·eᵀ takes one matmul, and ‖z‖² is the same for all rows, so it is left out; the
 * `[vectors, codebookSize, codeDimension]` differences are never made. The mean of the rows is taken from both sides
 * first: distances stay the same, and an offset that latents and rows share, of 100 or of 1000, costs no precision.
 *
 * @param latents - `[vectors, codeDimension]`; borrowed.
 * @param codebook - `[codebookSize, codeDimension]`; borrowed.
 * @returns `[vectors, codebookSize]`; the surrounding `tf.tidy`'s.
 */
export function closeness(latents: tf.Tensor2D, codebook: tf.Tensor2D): tf.Tensor2D {
  const { center, rows } = centered(codebook);
  const lengths = tf.sum(tf.square(rows), 1); // [codebookSize]
  // The factor 2 goes with the rows, of which there are fewer than products; it changes no bit.
  return tf.sub(tf.matMul(tf.sub(latents, center), tf.mul(rows, 2), false, true), lengths);
}

/**
 * The dot product of each latent and each row, less what is the same for all rows of a latent: the mean is taken from the
 * rows alone, as a latent's product with it is the same for all of them. Otherwise as {@link closeness}.
 */
export function alignment(latents: tf.Tensor2D, codebook: tf.Tensor2D): tf.Tensor2D {
  return tf.matMul(latents, centered(codebook).rows, false, true);
}

/** The mean of the rows, `[1, codeDimension]`, and their differences from it. */
function centered(codebook: tf.Tensor2D): { readonly center: tf.Tensor2D; readonly rows: tf.Tensor2D } {
  const center = tf.mean<tf.Tensor2D>(codebook, 0, true);
  return { center, rows: tf.sub(codebook, center) };
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
    const taken = keepRows(oneHot(codes, codebookSize) as tf.Tensor2D, mask); // [vectors, codebookSize]
    const sums = tf.matMul(taken, keepRows(latents, mask), true, false) as tf.Tensor2D;
    return { counts: tf.sum(taken, 0) as tf.Tensor1D, sums };
  });
}
