import { tapedGradients } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";

/** Added to the norm of the adversarial term's gradient. */
const normEpsilon = 1e-4;
const maxWeight = 1e4;

/** Gradients of two losses by the same reconstructions, without gradients of their own; borrowed. */
export interface OutputGradients {
  readonly reconstruction: tf.Tensor4D;
  readonly adversarial: tf.Tensor4D;
}

/**
 * The weight at which the adversarial term pulls at the decoder's last layer L as hard as the reconstruction does: ‖∇_L
 * rec‖ / (‖∇_L adv‖ + 10⁻⁴), at most 10⁴. Two gradients of the last layer alone: what comes after it is known.
 *
 * Call it where the output is being recorded; see {@link tapedGradients}.
 *
 * @param output - Reconstructions, computed with `last`; borrowed.
 * @param last - The weight of the decoder's last layer; borrowed.
 * @returns A scalar without gradient; the surrounding `tf.tidy`'s.
 * @see Esser et al. 2021, eq. 7, https://arxiv.org/abs/2012.09841
 */
export function adaptiveWeight(output: tf.Tensor4D, last: tf.Variable, gradients: OutputGradients): tf.Scalar {
  const normAtLast = (ofOutput: tf.Tensor4D) => {
    const [gradient] = tapedGradients(tf.sum<tf.Scalar>(tf.mul(output, ofOutput)), [last]);
    return tf.sqrt(tf.sum(tf.square(gradient!)));
  };
  const ratio = tf.div(normAtLast(gradients.reconstruction), tf.add(normAtLast(gradients.adversarial), normEpsilon));
  return tf.minimum(ratio, maxWeight) as tf.Scalar;
}
