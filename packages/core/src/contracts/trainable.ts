import type { Random } from "../random/random.js";

/** A loss as a training step takes it: the scalar to minimize, metrics to report, and tensors for `afterStep`. */
export interface LossResult<Scalar, Aux> {
  readonly total: Scalar;
  readonly metrics: Readonly<Record<string, Scalar>>;
  readonly aux: Aux;
  /**
   * Sum of the weights of the targets that `total` and the metrics are means over: 0 where there is none, and both are 0
   * then. By it the parts of a step and the batches of an evaluation are averaged. Absent: they are means over the
   * examples, each of which counts the same.
   */
  readonly targetWeight?: number | undefined;
  /** The scalar that the model's {@link Trainable.adversary} minimizes in this step. Absent where there is none. */
  readonly adversaryTotal?: Scalar | undefined;
}

/** Options of {@link Trainable.loss}. */
export interface LossOptions {
  /** Whether dropout and batch statistics are in force. */
  readonly training: boolean;
  /** Source of dropout masks and other draws; unused when `training` is false. */
  readonly random: Random;
  /**
   * Steps that a training loop has taken before this one, the same for all parts of a step: for weights that ramp up and
   * terms that start late. Absent where no step is taken: in evaluations, and where a loop only moves buffers to averaged
   * weights.
   */
  readonly step?: number | undefined;
}

/** Arguments of {@link ExampleSource.batch} beside the indices. */
export interface BatchContext {
  /** Number of the epoch, from 0; 0 throughout an evaluation. */
  readonly epoch: number;
  /** Whether the batch is for training; augment only then. */
  readonly training: boolean;
  /** This batch's own random stream, the same in a resumed run. */
  readonly random: Random;
}

/** Training or evaluation examples, made into batches by index. */
export interface ExampleSource<Batch> {
  readonly count: number;
  /** Makes a batch of the examples at `indices`, in that order. Batches of equal length must have equal shapes. */
  batch(indices: Int32Array, context: BatchContext): Batch | Promise<Batch>;
}

/**
 * A model that a training loop can drive. Tensor types are left open, so that `core` needs no tensor library.
 *
 * @typeParam Batch - Input of one step.
 * @typeParam Variable - The tensor library's variable.
 * @typeParam Scalar - The tensor library's scalar.
 * @typeParam Aux - Tensors handed from `loss` to `afterStep`; owned by the loop, which disposes them.
 */
export interface Trainable<Batch, Variable, Scalar, Aux = unknown> {
  /** Learned by gradients, by checkpoint name, in a fixed order. */
  readonly parameters: ReadonlyMap<string, Variable>;
  /** Changed otherwise and saved too: EMA codebooks, batch-norm statistics; by checkpoint name, in a fixed order. */
  readonly buffers: ReadonlyMap<string, Variable>;
  /** Data-dependent initialization (k-means) before the first step; does nothing on a model that has been initialized. */
  initialize?(batch: Batch, random: Random): Promise<void>;
  loss(batch: Batch, options: LossOptions): LossResult<Scalar, Aux>;
  /**
   * A second network that is trained against this one in the same steps, by an optimizer of its own: its parameters move by
   * the gradient of `adversaryTotal`, the model's by that of `total`, and neither by the other's. `afterStep` updates the
   * buffers of both. Default: none.
   */
  readonly adversary?: Pick<Trainable<Batch, Variable, Scalar, Aux>, "parameters" | "buffers"> | undefined;
  /** Updates the buffers after the optimizer's step (EMA codebook, dead codes). */
  afterStep?(aux: Aux, random: Random): void;
}
