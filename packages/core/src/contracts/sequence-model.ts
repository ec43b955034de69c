import type { TokenBatch } from "./batches.js";

/**
 * The rule which token ids may follow which, as data: a finite automaton over ids.
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

/** Classifier-free guidance of a {@link DecodePlan}: logits become `without + (with − without) · scale` before all else. */
export interface DecodeGuidance {
  /** The prompt's rows without their condition, shaped as the prompt; the grammar does not look at them. */
  readonly prompt: TokenBatch;
  /** Scale of each step, `[steps]`. */
  readonly scales: Float32Array;
}

/**
 * A complete decode as data, for models that can run it natively.
 *
 * The id drawn for a row at a position is the argmax over the processed logits plus
 * `gumbelNoise``(seeds[row], position)`. NaN counts as −∞. Where the largest legal logit is infinite, or becomes so over
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
  /** Mixes the logits with those of rows without their condition, to which the same ids are added; absent: none. */
  readonly guidance?: DecodeGuidance;
}

/** What may stop a native run of a whole plan. */
export interface NativeRunOptions {
  /** When aborted, an `AbortedError` ends the run after the current block of rows. A run of few rows is one block. Default: none. */
  readonly signal?: AbortSignal | undefined;
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
  /** Maximum number of ids in a row. */
  readonly contextLength: number;
  /** Runs a prompt through, `[rows, length]` with length ≥ 1, and returns the decode that continues it. */
  prefill(ids: TokenBatch): Promise<SequenceDecoding>;
  /** Runs a whole plan natively and returns prompt and added ids, `[rows, promptLength + steps]`; absent where it cannot. */
  decode?: ((plan: DecodePlan, options?: NativeRunOptions) => Promise<TokenBatch>) | undefined;
}
