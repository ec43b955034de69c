import * as tf from "@tensorflow/tfjs-core";

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
