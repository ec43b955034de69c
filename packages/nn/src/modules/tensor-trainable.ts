import type { LossOptions, LossResult, Trainable } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";

/**
 * A {@link Trainable} of TensorFlow.js tensors: what `train` and `evaluateLoss` drive.
 *
 * A model that has both optional methods is trained by a step that is compiled once, where the backend can: `loss` is then
 * not called, and of the model's code only `uploadBatch` runs in each step. What they draw they draw with `drawnTensor`.
 */
export interface TensorTrainable<Batch, Aux = unknown> extends Trainable<Batch, tf.Variable, tf.Scalar, Aux> {
  /**
   * Checks a batch, as `loss` does, and gives it as tensors, in the same order for every batch: those of `options.step`, the
   * number of steps taken before, among them, where the loss depends on it. Default: none.
   */
  uploadBatch?(batch: Batch, options?: Pick<LossOptions, "step">): UploadedBatch;
  /** `loss` of the tensors of a batch; its result has no `targetWeight`. Default: none. */
  lossTensor?(tensors: never, options: LossOptions): LossResult<tf.Scalar, Aux>;
}

/** A batch as tensors. */
export interface UploadedBatch {
  /** The caller's to dispose. */
  readonly tensors: tf.NamedTensorMap;
  /** As in `LossResult`. Default: none. */
  readonly targetWeight?: number | undefined;
}

/** Every tensor in `container`, however nested, but no variables: a loss must not give those away. */
export function tensorsIn(container: unknown): tf.Tensor[] {
  return tf.tensor_util
    .getTensorsInContainer(container as tf.TensorContainer)
    .filter((tensor) => !(tensor instanceof tf.Variable));
}
