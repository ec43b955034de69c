import { ConfigError } from "@mmgen/core";
import { checkInteger, withDefaults } from "./check-config.js";
import { type CodebookConfig, checkCodebookConfig, codebookDefaults } from "./codebook-config.js";

/** Several codes a latent vector: it is cut into chunks, and each becomes its nearest row. */
export interface ProductQuantizerConfig extends CodebookConfig {
  readonly type: "product";
  /** Chunks of `codeDimension` values each that a latent vector is cut into: as many codes. */
  readonly chunks: number;
  /** Whether all chunks share one codebook, or each has its own. */
  readonly sharedCodebook: boolean;
}

const defaults: ProductQuantizerConfig = {
  type: "product",
  chunks: 4,
  codebookSize: 64,
  codeDimension: 8,
  sharedCodebook: false,
  ...codebookDefaults,
};

/** Fills in the defaults, and throws {@link ConfigError} unless every field is in range. */
export function resolveProductQuantizer(options: Partial<ProductQuantizerConfig>): ProductQuantizerConfig {
  const config = withDefaults("quantizer", defaults, options);
  checkInteger("quantizer.chunks", config.chunks, 1);
  if (typeof config.sharedCodebook !== "boolean") {
    throw new ConfigError(`quantizer.sharedCodebook: expected true or false, got ${config.sharedCodebook}.`);
  }
  checkCodebookConfig(config);
  return config;
}
