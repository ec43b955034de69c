import * as tf from "@tensorflow/tfjs-core";

/**
 * Rows of zeros with a 1 at each index.
 *
 * Made as int32 and cast: tfjs's wasm backend writes the bits of integers whatever type `tf.oneHot` is asked for.
 *
 * @param indices - Any shape, int32, each in `[0, depth)`; borrowed.
 * @returns `[…indices, depth]`, float32; yours to dispose.
 */
export function oneHot(indices: tf.Tensor, depth: number): tf.Tensor {
  return tf.tidy(() => tf.cast(tf.oneHot(indices, depth, 1, 0, "int32"), "float32"));
}
