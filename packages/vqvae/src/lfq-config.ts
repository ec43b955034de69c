import { checkInteger, checkNumber, withDefaults } from "./check-config.js";

/** Lookup-free quantization: a code is the signs of a latent's values; there is no codebook to learn. */
export interface LfqConfig {
  readonly type: "lfq";
  /** Values of a latent vector, and bits of a code: 2^bits codes. */
  readonly bits: number;
  /** Weight of the pull of latents toward their signs. */
  readonly commitmentWeight: number;
  /** Weight of the entropy loss: each latent is to be sure of its code, all of them together are to use every code. */
  readonly entropyWeight: number;
  /** τ: how sharply the entropies tell codes apart. */
  readonly inverseTemperature: number;
}

const defaults: LfqConfig = {
  type: "lfq",
  bits: 8,
  commitmentWeight: 0.25,
  entropyWeight: 0.1,
  inverseTemperature: 100,
};

/** Fills in the defaults, and throws a `ConfigError` unless every field is in range. */
export function resolveLfq(options: Partial<LfqConfig>): LfqConfig {
  const config = withDefaults("quantizer", defaults, options);
  checkInteger("quantizer.bits", config.bits, 1, 20);
  checkNumber("quantizer.commitmentWeight", config.commitmentWeight, 0);
  checkNumber("quantizer.entropyWeight", config.entropyWeight, 0);
  checkNumber("quantizer.inverseTemperature", config.inverseTemperature, 0);
  return config;
}
