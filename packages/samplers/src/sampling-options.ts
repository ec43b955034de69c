import { ConfigError } from "@mmgen/core";

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

/** {@link SamplingOptions}, complete: what changes nothing is at its neutral value. */
export type SamplingSettings = { readonly [name in keyof Required<SamplingOptions>]: number };

/** Checks the options and fills in the neutral values; {@link ConfigError} names the one that is out of range. */
export function samplingSettings(options: SamplingOptions, vocabularySize: number): SamplingSettings {
  const { repetitionPenalty = 1, temperature = 1, topK, topP = 1, minP = 0, typicalP = 1 } = options;
  const check = (name: string, value: number, holds: boolean, expected: string) => {
    if (!holds) {
      throw new ConfigError(`${name}: expected ${expected}, got ${value}.`);
    }
  };
  const positive = Number.isFinite(repetitionPenalty) && repetitionPenalty > 0;
  check("repetitionPenalty", repetitionPenalty, positive, "a number above 0");
  // Logits are float32, and so is what divides them: a native decode does the same.
  const divisor = Math.fround(temperature);
  check("temperature", temperature, Number.isFinite(divisor) && divisor >= 0, "a float32 number of at least 0");
  if (topK !== undefined) {
    check("topK", topK, Number.isInteger(topK) && topK >= 1, "a whole number of at least 1; leave it out to keep all");
  }
  check("topP", topP, topP > 0 && topP <= 1, "a number above 0 and at most 1");
  check("minP", minP, minP >= 0 && minP <= 1, "a number from 0 to 1");
  check("typicalP", typicalP, typicalP > 0 && typicalP <= 1, "a number above 0 and at most 1");
  return {
    repetitionPenalty,
    temperature: divisor,
    topK: Math.min(topK ?? vocabularySize, vocabularySize),
    topP,
    minP,
    typicalP,
  };
}
