import { checkInteger, withDefaults } from "./check-config.js";
import { type CodebookConfig, checkCodebookConfig, codebookDefaults } from "./codebook-config.js";

/**
 * Several codes a latent vector, coarse to fine: each stage codes what the stages before it left over. Its distance is
 * Euclidean: what is left over has a length.
 */
export interface ResidualQuantizerConfig extends Omit<CodebookConfig, "distance"> {
  readonly type: "residual";
  /** Codes of a latent vector; each stage has a codebook of its own. */
  readonly stages: number;
}

const { distance: _, ...ofCodebooks } = codebookDefaults;
const defaults: ResidualQuantizerConfig = {
  type: "residual",
  stages: 4,
  codebookSize: 128,
  codeDimension: 64,
  ...ofCodebooks,
};

/** Fills in the defaults, and throws a `ConfigError` unless every field is in range. */
export function resolveResidualQuantizer(options: Partial<ResidualQuantizerConfig>): ResidualQuantizerConfig {
  const config = withDefaults("quantizer", defaults, options);
  checkInteger("quantizer.stages", config.stages, 1);
  checkCodebookConfig({ ...config, distance: "euclidean" });
  return config;
}
