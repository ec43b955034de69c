import type { Grammar, SequenceModel, TokenBatch } from "@mmgen/core";
import type { SamplingOptions } from "./sampling-options.js";

/** Classifier-free guidance: logits become `without + (with − without) · scale`. */
export interface Guidance {
  /** The rows' prompts without their condition, as many rows as the prompt; outside the grammar's reach. */
  readonly prompt: TokenBatch;
  /** 1 changes nothing, more follows the condition more closely, 0 ignores it. */
  readonly scale: number;
}

/** The ids that one step has added. */
export interface GeneratedIds {
  /** `[rows]`; yours. */
  readonly ids: Int32Array;
  /** Index of these ids in their sequences. */
  readonly position: number;
}

/** Options of {@link generate}. */
export interface GenerateOptions extends SamplingOptions {
  readonly model: SequenceModel;
  /** What each row starts with, `[rows, length]`, length ≥ 1; borrowed. */
  readonly prompt: TokenBatch;
  /** Ids to add; absent: up to the grammar's end, or without a grammar to the model's `contextLength`. */
  readonly steps?: number | undefined;
  /** What may follow what, from the sequence's first id on; absent: anything. */
  readonly grammar?: Grammar | undefined;
  /** Seeds all rows, by {@link rowSeeds}. This or `seeds` is needed, but at temperature 0. */
  readonly seed?: number | undefined;
  /** One seed a row, unsigned 32-bit. */
  readonly seeds?: Uint32Array | undefined;
  readonly guidance?: Guidance | undefined;
  /** Called with every step's ids as soon as they are drawn; awaited. */
  readonly onIds?: ((added: GeneratedIds) => void | Promise<void>) | undefined;
  /** Stops the work with an `AbortedError`, at the latest after the step under way. */
  readonly signal?: AbortSignal | undefined;
}
