import type { Grammar, SequenceModel, TokenBatch } from "@mmgen/core";
import {
  type ConfigOf,
  fields,
  functionValue,
  optional,
  resolveOptions,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import { type GuidanceScale, guidanceScaleSchema } from "../guidance/guidance-scales.js";
import {
  type SamplingConfig,
  type SamplingOptions,
  samplingConfig,
  samplingEntries,
} from "../processors/sampling-options.js";

/** Classifier-free guidance: logits become `without + (with − without) · scale`. */
export interface Guidance {
  /** Unconditional prompts, one row for each row of the prompt; not checked against the grammar. */
  readonly prompt: TokenBatch;
  /** One scale, or one that changes from the first added id to the last. */
  readonly scale: GuidanceScale;
}

/** Ids added by one step. */
export interface GeneratedIds {
  /** `[rows]`; yours. */
  readonly ids: Int32Array;
  /** Position of these ids in their rows. */
  readonly position: number;
}

/** Options of `generate`. */
export interface GenerateOptions extends SamplingOptions {
  readonly model: SequenceModel;
  /** First ids of each row, `[rows, length]`, length ≥ 1; borrowed. */
  readonly prompt: TokenBatch;
  /**
   * Number of ids to add; absent: up to the end of the grammar, or without a grammar up to the model's `contextLength`.
   */
  readonly steps?: number | undefined;
  /** Grammar of whole sequences, prompt included; absent: every id is legal. */
  readonly grammar?: Grammar | undefined;
  /**
   * Base seed, from which `rowSeeds` derives the seeds of the rows. This or `seeds` is required unless
   * `temperature` is 0.
   */
  readonly seed?: number | undefined;
  /** One seed per row, unsigned 32-bit. Default: none. */
  readonly seeds?: Uint32Array | undefined;
  /** Classifier-free guidance. Default: none. */
  readonly guidance?: Guidance | undefined;
  /** Callback for streaming: receives the ids of each step as soon as they are drawn; awaited. Default: none. */
  readonly onIds?: ((added: GeneratedIds) => void | Promise<void>) | undefined;
  /** Aborts with an `AbortedError` after the current step, in a native run after the current block of rows. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

const isObject = (candidate: unknown) => typeof candidate === "object" && candidate !== null;
export const tokens = value<TokenBatch>("a batch of ids", isObject);

const isCount = (candidate: unknown) => Number.isSafeInteger(candidate) && (candidate as number) >= 0;
const isSignal = (candidate: unknown) => typeof (candidate as Partial<AbortSignal> | null)?.aborted === "boolean";
/** That its tables fit each other and the model is checked where they are read. */
const grammar = value<Grammar>(
  "a tokenizer's grammar, { vocabularySize, stateCount, start, allowed: Uint8Array, next: Int32Array }",
  (candidate) => {
    const { allowed, next, start, stateCount, vocabularySize } = (candidate ?? {}) as Partial<Grammar>;
    const areTables = ArrayBuffer.isView(allowed) && ArrayBuffer.isView(next);
    return areTables && Number.isSafeInteger(start) && [stateCount, vocabularySize].every(isCount);
  },
);

/** Schema entries of functions that run a sequence model: how ids are drawn, the model, its grammar, seeds, a signal. */
export const sequenceEntries = {
  ...samplingEntries,
  model: value<SequenceModel>("a model with prefill, vocabularySize and contextLength", (model) => {
    const { contextLength, prefill, vocabularySize } = (model ?? {}) as Partial<SequenceModel>;
    return typeof prefill === "function" && isCount(vocabularySize) && isCount(contextLength);
  }),
  grammar: optional(grammar),
  seed: optional(wholeNumber()),
  seeds: optional(value<Uint32Array>("a Uint32Array", (seeds) => seeds instanceof Uint32Array)),
  signal: optional(value<AbortSignal>("an AbortSignal", isSignal)),
};

const generateSchema = fields({
  ...sequenceEntries,
  prompt: tokens,
  steps: optional(wholeNumber({ min: 0 })),
  guidance: optional(fields({ prompt: tokens, scale: guidanceScaleSchema })),
  onIds: optional(functionValue<NonNullable<GenerateOptions["onIds"]>>()),
});

/** {@link GenerateOptions} with every option checked by itself and defaults filled in. */
export type GenerateConfig = Omit<ConfigOf<typeof generateSchema>, keyof SamplingConfig> & {
  readonly sampling: SamplingConfig;
};

/**
 * Validates each option by itself and fills in the defaults.
 *
 * @throws a `ConfigError` naming the options that are unknown, missing, of another type or out of range.
 */
export function resolveGenerate(options: GenerateOptions): GenerateConfig {
  return splitSampling(resolveOptions(generateSchema, options));
}

type Resolved = Omit<SamplingConfig, "topK"> & { readonly topK?: number; readonly model: SequenceModel };

/** Separates how ids are drawn from the other options. */
export function splitSampling<Config extends Resolved>(
  resolved: Config,
): Omit<Config, keyof SamplingConfig> & { readonly sampling: SamplingConfig } {
  const { repetitionPenalty, temperature, topK, topP, minP, typicalP, ...config } = resolved;
  const given = { repetitionPenalty, temperature, topP, minP, typicalP, ...(topK !== undefined && { topK }) };
  return { ...config, sampling: samplingConfig(given, config.model.vocabularySize) };
}
