import { ConfigError } from "@mmgen/core";
import { checkInteger, checkNumber, checkOneOf } from "../model/check-config.js";
import { type GradientEstimatorName, gradientEstimatorNames } from "./gradient-estimator.js";

/** A codebook: rows that latent vectors, or parts of them, are replaced by, and how the rows are learned. */
export interface CodebookConfig {
  /** Rows of the codebook. */
  readonly codebookSize: number;
  /** Length of a row. */
  readonly codeDimension: number;
  /** `ema`: rows follow the mean of the latents they are nearest to. `gradient`: rows are pulled by a loss. */
  readonly codebook: "ema" | "gradient";
  /** Which row is nearest: by distance, or by angle, latents and rows then brought to length 1. */
  readonly distance: "euclidean" | "cosine";
  /** `k-means` of the first batch's latents, or `uniform` in ±1/codebookSize. */
  readonly start: "k-means" | "uniform";
  /** How the decoder's gradient reaches the latents: as it is, or turned as each latent would have to be to become its row. */
  readonly gradientEstimator: GradientEstimatorName;
  /** β, the weight of the pull on the encoder. */
  readonly commitmentWeight: number;
  /** γ, the share of the past in the running counts and sums, each step. */
  readonly emaDecay: number;
  /** ε of the smoothed counts. */
  readonly emaEpsilon: number;
  /**
   * A code is dead, and moved to a random latent, when its running count is below this part of an equal share (vectors
   * a batch / codebookSize); 0: never.
   */
  readonly deadCodeThreshold: number;
}

/** What all codebooks have unless told otherwise. */
export const codebookDefaults = {
  codebook: "ema",
  distance: "euclidean",
  start: "k-means",
  gradientEstimator: "straight-through",
  commitmentWeight: 0.25,
  emaDecay: 0.99,
  emaEpsilon: 1e-5,
  deadCodeThreshold: 0.3,
} as const satisfies Partial<CodebookConfig>;

/** Throws {@link ConfigError} unless every field is in range. */
export function checkCodebookConfig(config: CodebookConfig): void {
  checkInteger("quantizer.codebookSize", config.codebookSize, 1, 2 ** 24);
  checkInteger("quantizer.codeDimension", config.codeDimension, 1);
  checkOneOf("quantizer.codebook", config.codebook, ["ema", "gradient"]);
  checkOneOf("quantizer.distance", config.distance, ["euclidean", "cosine"]);
  checkOneOf("quantizer.gradientEstimator", config.gradientEstimator, gradientEstimatorNames);
  checkOneOf("quantizer.start", config.start, ["k-means", "uniform"]);
  checkNumber("quantizer.commitmentWeight", config.commitmentWeight, 0);
  checkNumber("quantizer.emaDecay", config.emaDecay, 0, 1);
  checkNumber("quantizer.emaEpsilon", config.emaEpsilon, 0);
  checkNumber("quantizer.deadCodeThreshold", config.deadCodeThreshold, 0);
  if (config.deadCodeThreshold > 1) {
    throw new ConfigError(
      `quantizer.deadCodeThreshold: a part of an equal share is at most 1, got ${config.deadCodeThreshold}.`,
    );
  }
}
