import { number, optional, value, wholeNumber } from "@mmgen/core/options";

/** Sampling options: how an id is drawn from logits. Applied in the order of the fields. */
export interface SamplingOptions {
  /**
   * Penalty for ids already in the row, prompt included: multiplies negative logits and divides others; 1 (no effect)
   * by default.
   */
  readonly repetitionPenalty?: number | undefined;
  /**
   * Divides the logits; 1 by default. 0 is greedy: takes the most likely id, the lowest among equals, without
   * randomness.
   */
  readonly temperature?: number | undefined;
  /** Keeps logits at least as large as the k-th largest; absent: all. */
  readonly topK?: number | undefined;
  /** Keeps the smallest set of most likely ids whose probabilities sum to at least p; absent or 1: all. */
  readonly topP?: number | undefined;
  /** Keeps ids at least this many times as likely as the most likely one; absent or 0: all. */
  readonly minP?: number | undefined;
  /**
   * Keeps the ids whose surprisal is nearest to the entropy until their probabilities sum to at least this; absent or
   * 1: all.
   */
  readonly typicalP?: number | undefined;
}

/** Schema entries of {@link SamplingOptions}, to be spread into the schemas of functions that sample. */
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

/** {@link SamplingOptions} with every default filled in. */
export type SamplingConfig = { readonly [name in keyof Required<SamplingOptions>]: number };

/** Fills in the values that depend on the vocabulary, for options that {@link samplingEntries} have checked. */
export function samplingConfig(
  options: Omit<SamplingConfig, "topK"> & { readonly topK?: number },
  vocabularySize: number,
): SamplingConfig {
  const { repetitionPenalty, temperature, topK = vocabularySize, topP, minP, typicalP } = options;
  return {
    repetitionPenalty,
    // Rounded to float32 like the logits, as in a native decode.
    temperature: Math.fround(temperature),
    topK: Math.min(topK, vocabularySize),
    topP,
    minP,
    typicalP,
  };
}
