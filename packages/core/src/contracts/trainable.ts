import type { Random } from "../random/random.js";

/** What a training step needs of a loss: the scalar to minimize, figures to report, and what `afterStep` wants back. */
export interface LossResult<Scalar, Aux> {
  readonly total: Scalar;
  readonly metrics: Readonly<Record<string, Scalar>>;
  readonly aux: Aux;
}

/** Options of {@link Trainable.loss}. */
export interface LossOptions {
  /** Whether dropout and batch statistics are in force. */
  readonly training: boolean;
  /** Source of dropout masks and other draws; unused when `training` is false. */
  readonly random: Random;
}

/** What {@link ExampleSource.batch} may want to know beside the indices. */
export interface BatchContext {
  /** Counted from 0; 0 throughout an evaluation. */
  readonly epoch: number;
  /** Whether the batch is trained on; augment only then. */
  readonly training: boolean;
  /** A stream of this batch's own, the same in a resumed run. */
  readonly random: Random;
}

/** Examples that batches are made of, by index. */
export interface ExampleSource<Batch> {
  readonly count: number;
  /** Makes a batch of the examples at `indices`, in that order. Batches of equal length must have equal shapes. */
  batch(indices: Int32Array, context: BatchContext): Batch | Promise<Batch>;
}

/**
 * A model that a training loop can drive. Tensor types are left open, so that `core` needs no tensor library.
 *
 * @typeParam Batch - What one step is fed.
 * @typeParam Variable - The tensor library's variable.
 * @typeParam Scalar - The tensor library's scalar.
 * @typeParam Aux - Tensors handed from `loss` to `afterStep`; owned by the loop, which disposes them.
 */
export interface Trainable<Batch, Variable, Scalar, Aux = unknown> {
  /** Learned by gradients, by checkpoint name, in a fixed order. */
  readonly parameters: ReadonlyMap<string, Variable>;
  /** Learned otherwise: EMA codebooks, batch-norm statistics; by checkpoint name. */
  readonly buffers: ReadonlyMap<string, Variable>;
  /** Data-dependent initialization (k-means), before the first step; a no-op on a model that has had it. */
  initialize?(batch: Batch, random: Random): Promise<void>;
  loss(batch: Batch, options: LossOptions): LossResult<Scalar, Aux>;
  /** Updates `state` after the optimizer's step (EMA codebook, dead-code revival). */
  afterStep?(aux: Aux, random: Random): void;
}
