import type { LossOptions, LossResult, Random, Trainable } from "@mmgen/core";
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
  /**
   * What `afterStep` needs of one part of a step's batch, as float32 tensors to be added up over all parts, which may lie in
   * several processes; of the same names and shapes for every part. Reads nothing back. Default: none, and a model that has
   * `afterStep` is then not trained in a process group.
   *
   * @returns The surrounding `tf.tidy`'s.
   */
  partSums?(aux: Aux, part: StepPart): tf.NamedTensorMap;
  /** What `afterStep` does, from the sums of {@link TensorTrainable.partSums} over all parts of a step; borrowed. */
  afterParts?(sums: tf.NamedTensorMap): void;
}

/** One of the equal parts of a step's batch. */
export interface StepPart {
  /** From 0. */
  readonly part: number;
  readonly parts: number;
  /** The step's own stream, at the same place for every part. */
  readonly random: Random;
  /** Where running statistics of a batch norm go: to the mean of those of all parts, or to those of the first. */
  readonly statistics: PartStatistics;
}

/** See {@link StepPart.statistics}. */
export type PartStatistics = "mean" | "first";

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
