import type { CodeBatch, ImageBatch, TokenBatch } from "./batches.js";
import type { Random } from "./random.js";

/** Turns images into a grid of discrete codes and back. Satisfied by `VqVae`. */
export interface ImageCodec {
  /** Number of distinct codes. */
  readonly codebookSize: number;
  /** Height and width of the code grid of one image, in codes. */
  readonly codeGrid: { readonly height: number; readonly width: number };
  encode(images: ImageBatch): Promise<CodeBatch>;
  decode(codes: CodeBatch): Promise<ImageBatch>;
}

/**
 * What may follow what, as data: an automaton over token ids.
 *
 * In state `s` an id `v` is legal when `allowed[s · vocabularySize + v]` is 1, and leads to state
 * `next[s · vocabularySize + v]`. A state that allows nothing ends the sequence.
 */
export interface Grammar {
  readonly vocabularySize: number;
  readonly stateCount: number;
  /** The state before the first id. */
  readonly start: number;
  /** `[stateCount, vocabularySize]`, 0 or 1. */
  readonly allowed: Uint8Array;
  /** `[stateCount, vocabularySize]`; entries of illegal ids are not read. */
  readonly next: Int32Array;
}

/**
 * A whole decode as data, for models that can run one natively.
 *
 * The id drawn for a row at a position is the argmax over the processed logits plus
 * {@link gumbelNoise}`(seeds[row], position)`. NaN counts as −∞. Where the largest legal logit is infinite, or becomes so over
 * the temperature, the ids that share it count 0 and no others are possible. So every way of running a plan gives the same
 * ids, unless the last bits of its logits or sums decide between two.
 */
export interface DecodePlan {
  /** `[rows, promptLength]`, promptLength ≥ 1. */
  readonly prompt: TokenBatch;
  /** How many ids to add to each row. */
  readonly steps: number;
  /** Legal next ids; absent: all. */
  readonly grammar?: Grammar;
  /** One seed a row. */
  readonly seeds: Uint32Array;
  /** Divides the logits; 0 takes the most likely id and draws nothing. */
  readonly temperature: number;
  /** Keeps logits at least as large as the k-th; absent: all. */
  readonly topK?: number;
  /** Keeps the smallest set of ids whose probabilities reach p; absent: all. */
  readonly topP?: number;
}

/** A running decode of one batch of rows: ids in, logits of the next id out, keys and values kept. */
export interface SequenceDecoding {
  /** Logits after the newest id, `[rows, vocabularySize]`; overwritten by the next `step`. */
  readonly logits: Float32Array;
  /** Ids seen so far in each row. */
  readonly length: number;
  /** Feeds one id a row, `[rows]`, and returns {@link SequenceDecoding.logits}. */
  step(ids: Int32Array): Promise<Float32Array>;
  /** Frees the cache; safe to call twice. */
  dispose(): void;
}

/** An autoregressive model over token ids. Satisfied by `TinyTransformer`. */
export interface SequenceModel {
  readonly vocabularySize: number;
  /** The greatest number of ids a row may hold. */
  readonly contextLength: number;
  /** Runs a prompt through, `[rows, length]` with length ≥ 1, and returns the decode that goes on from it. */
  prefill(ids: TokenBatch): Promise<SequenceDecoding>;
  /** Runs a whole plan natively and returns prompt and added ids, `[rows, promptLength + steps]`; absent where it cannot. */
  decode?: ((plan: DecodePlan) => Promise<TokenBatch>) | undefined;
}

/** Predicts all positions at once from a corrupted sequence, for discrete diffusion and MaskGIT. */
export interface Denoiser {
  readonly vocabularySize: number;
  /** `[rows, length]` ids → `[rows, length, vocabularySize]` logits. */
  logits(ids: TokenBatch): Promise<Float32Array>;
}

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
