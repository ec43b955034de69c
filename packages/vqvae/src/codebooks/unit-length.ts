import * as tf from "@tensorflow/tfjs-core";

/**
 * Vectors scaled to length 1, z / √(‖z‖² + 1e-12), differentiable; a zero vector stays zero.
 *
 * @param vectors - `[vectors, dimension]`; borrowed.
 * @returns Yours to dispose.
 */
export function unitLength(vectors: tf.Tensor2D): tf.Tensor2D {
  return tf.div(vectors, tf.sqrt(tf.add(tf.sum(tf.square(vectors), 1, true), 1e-12)));
}
