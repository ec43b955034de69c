import { ConfigError } from "@mmgen/core";
import { checkInteger, withDefaults } from "./check-config.js";

/** Finite scalar quantization: each value of a latent is rounded to one of a few levels; there is no codebook to learn. */
export interface FsqConfig {
  readonly type: "fsq";
  /** Levels of each value of a latent vector; their product is the number of codes. At least 5 each serve best. */
  readonly levels: readonly number[];
}

/** Section 4.1 of the paper, for about 2^8 codes. */
const defaults: FsqConfig = { type: "fsq", levels: [8, 6, 5] };

/** The most codes: past it float32 does not tell one from the next. */
const greatestSize = 2 ** 24;

/** Fills in the defaults, and throws {@link ConfigError} unless every field is in range. */
export function resolveFsq(options: Partial<FsqConfig>): FsqConfig {
  const config = withDefaults("quantizer", defaults, options);
  if (!Array.isArray(config.levels) || config.levels.length === 0) {
    throw new ConfigError(`quantizer.levels: expected a list of numbers of levels, got ${config.levels}.`);
  }
  config.levels.forEach((count, i) => {
    checkInteger(`quantizer.levels[${i}]`, count, 2, 256);
  });
  const size = config.levels.reduce((product, count) => product * count, 1);
  if (size > greatestSize) {
    throw new ConfigError(`quantizer.levels: ${size} codes; expected at most 2^24. Take fewer values or levels.`);
  }
  return { ...config, levels: [...config.levels] };
}
