import { number, optional, value, wholeNumber } from "@mmgen/core/options";

/** How logits become an id; applied in the order of the fields. */
export interface SamplingOptions {
  /** Ids seen in the row, prompt included: negative logits times this, others divided by it; 1, the default, changes nothing. */
  readonly repetitionPenalty?: number | undefined;
  /** Divides the logits; 1 by default. 0 takes the most likely id (the first of equals) and draws nothing. */
  readonly temperature?: number | undefined;
  /** Keeps logits at least as large as the k-th largest; absent: all. */
  readonly topK?: number | undefined;
  /** Keeps the smallest set of most likely ids whose probabilities reach p; absent or 1: all. */
  readonly topP?: number | undefined;
  /** Keeps ids at least this many times as likely as the most likely; absent or 0: all. */
  readonly minP?: number | undefined;
  /** Keeps the smallest set reaching this probability of ids whose surprise is nearest the entropy; absent or 1: all. */
  readonly typicalP?: number | undefined;
}

/** Schemas of {@link SamplingOptions}, to be spread into those of functions that sample. */
export const samplingEntries = {
  repetitionPenalty: optional(number({ above: 0 }), 1),
  temperature: optional(
    value<number>("a float32 number of at least 0", (temperature) => {
      const divisor = typeof temperature === "number" ? Math.fround(temperature) : Number.NaN;
      return Number.isFinite(divisor) && divisor >= 0;
    }),
    1,
  ),
  topK: optional(wholeNumber({ min: 1 })),
  topP: optional(number({ above: 0, max: 1 }), 1),
  minP: optional(number({ min: 0, max: 1 }), 0),
  typicalP: optional(number({ above: 0, max: 1 }), 1),
};

/** {@link SamplingOptions}, complete: what changes nothing has its neutral value. */
export type SamplingConfig = { readonly [name in keyof Required<SamplingOptions>]: number };

/** Fills in what depends on the vocabulary, once {@link samplingEntries} have checked the options. */
export function samplingConfig(
  options: Omit<SamplingConfig, "topK"> & { readonly topK?: number },
  vocabularySize: number,
): SamplingConfig {
  const { repetitionPenalty, temperature, topK = vocabularySize, topP, minP, typicalP } = options;
  return {
    repetitionPenalty,
    // Logits are float32, and so is what divides them: a native decode does the same.
    temperature: Math.fround(temperature),
    topK: Math.min(topK, vocabularySize),
    topP,
    minP,
    typicalP,
  };
}
