import type { Trainable } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";

/** A {@link Trainable} of TensorFlow.js tensors: what `train` and `evaluateLoss` drive. */
export type TensorTrainable<Batch, Aux = unknown> = Trainable<Batch, tf.Variable, tf.Scalar, Aux>;

/** Every tensor in `container`, however nested, but no variables: a loss must not give those away. */
export function tensorsIn(container: unknown): tf.Tensor[] {
  return tf.tensor_util
    .getTensorsInContainer(container as tf.TensorContainer)
    .filter((tensor) => !(tensor instanceof tf.Variable));
}
