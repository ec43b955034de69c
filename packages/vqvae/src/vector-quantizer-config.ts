import { withDefaults } from "./check-config.js";
import { type CodebookConfig, checkCodebookConfig, codebookDefaults } from "./codebook-config.js";

/** One code a latent vector: the nearest row of a codebook. */
export interface VectorQuantizerConfig extends CodebookConfig {
  readonly type: "vector";
}

const defaults: VectorQuantizerConfig = { type: "vector", codebookSize: 128, codeDimension: 64, ...codebookDefaults };

/** Fills in the defaults, and throws a `ConfigError` unless every field is in range. */
export function resolveVectorQuantizer(options: Partial<VectorQuantizerConfig>): VectorQuantizerConfig {
  const config = withDefaults("quantizer", defaults, options);
  checkCodebookConfig(config);
  return config;
}
