import type { Grammar, SequenceModel, TokenBatch } from "@mmgen/core";
import {
  type ConfigOf,
  fields,
  functionValue,
  number,
  optional,
  resolveOptions,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import {
  type SamplingConfig,
  type SamplingOptions,
  samplingConfig,
  samplingEntries,
} from "../processors/sampling-options.js";

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

/** Options of `generate`. */
export interface GenerateOptions extends SamplingOptions {
  readonly model: SequenceModel;
  /** What each row starts with, `[rows, length]`, length ≥ 1; borrowed. */
  readonly prompt: TokenBatch;
  /** Ids to add; absent: up to the grammar's end, or without a grammar to the model's `contextLength`. */
  readonly steps?: number | undefined;
  /** What may follow what, from the sequence's first id on; absent: anything. */
  readonly grammar?: Grammar | undefined;
  /** Seeds all rows, by `rowSeeds`. This or `seeds` is needed, but at temperature 0. */
  readonly seed?: number | undefined;
  /** One seed a row, unsigned 32-bit. */
  readonly seeds?: Uint32Array | undefined;
  readonly guidance?: Guidance | undefined;
  /** Called with every step's ids as soon as they are drawn; awaited. */
  readonly onIds?: ((added: GeneratedIds) => void | Promise<void>) | undefined;
  /** Stops the work with an `AbortedError`, at the latest after the step under way. */
  readonly signal?: AbortSignal | undefined;
}

const isObject = (candidate: unknown) => typeof candidate === "object" && candidate !== null;
const tokens = value<TokenBatch>("a batch of ids", isObject);

const generateSchema = fields({
  ...samplingEntries,
  model: value<SequenceModel>(
    "a model with prefill",
    (model) => isObject(model) && typeof (model as Partial<SequenceModel>).prefill === "function",
  ),
  prompt: tokens,
  steps: optional(wholeNumber({ min: 0 })),
  grammar: optional(value<Grammar>("a grammar", isObject)),
  seed: optional(wholeNumber()),
  seeds: optional(value<Uint32Array>("a Uint32Array", (seeds) => seeds instanceof Uint32Array)),
  guidance: optional(fields({ prompt: tokens, scale: number() })),
  onIds: optional(functionValue<NonNullable<GenerateOptions["onIds"]>>()),
  signal: optional(value<AbortSignal>("an AbortSignal", isObject)),
});

/** {@link GenerateOptions}, checked one by one. */
export type GenerateConfig = Omit<ConfigOf<typeof generateSchema>, keyof SamplingConfig> & {
  readonly sampling: SamplingConfig;
};

/**
 * Checks every option by itself and fills in the defaults.
 *
 * @throws a `ConfigError` naming the options that are unknown, missing, of another type or out of range.
 */
export function resolveGenerate(options: GenerateOptions): GenerateConfig {
  const resolved = resolveOptions(generateSchema, options);
  const { repetitionPenalty, temperature, topK, topP, minP, typicalP, ...config } = resolved;
  const given = { repetitionPenalty, temperature, topP, minP, typicalP, ...(topK !== undefined && { topK }) };
  return { ...config, sampling: samplingConfig(given, config.model.vocabularySize) };
}
