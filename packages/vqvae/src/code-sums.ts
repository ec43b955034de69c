import * as tf from "@tensorflow/tfjs-core";

/** How often each code was taken, and the sum of the vectors that took it. */
export interface CodeSums {
  /** `[codebookSize]`. */
  readonly counts: tf.Tensor1D;
  /** `[codebookSize, codeDimension]`. */
  readonly sums: tf.Tensor2D;
}

/**
 * Counts and sums by code, through a one-hot matrix: a matmul is quicker than scattered additions.
 *
 * @param latents - `[vectors, codeDimension]`; borrowed.
 * @param codes - `[vectors]`, int32; borrowed.
 * @returns Yours to dispose.
 */
export function codeSums(latents: tf.Tensor2D, codes: tf.Tensor1D, codebookSize: number): CodeSums {
  return tf.tidy(() => {
    const oneHot = tf.oneHot(codes, codebookSize, 1, 0, "float32") as tf.Tensor2D;
    return { counts: tf.sum(oneHot, 0) as tf.Tensor1D, sums: tf.matMul(oneHot, latents, true, false) as tf.Tensor2D };
  });
}
