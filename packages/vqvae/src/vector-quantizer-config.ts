import { ConfigError } from "@mmgen/core";
import { checkInteger, checkNumber, checkOneOf } from "./check-config.js";

/** One code a latent vector: the nearest row of a codebook. */
export interface VectorQuantizerConfig {
  readonly type: "vector";
  /** Rows of the codebook. */
  readonly codebookSize: number;
  /** Length of a row; where the network's hidden channels differ, a 1×1 convolution maps between. */
  readonly codeDimension: number;
  /** `ema`: rows follow the mean of the latents they are nearest to. `gradient`: rows are pulled by a loss. */
  readonly codebook: "ema" | "gradient";
  /** `k-means` of the first batch's latents, or `uniform` in ±1/codebookSize. */
  readonly start: "k-means" | "uniform";
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

/** Throws {@link ConfigError} unless every field is in range. */
export function checkVectorQuantizerConfig(config: VectorQuantizerConfig): void {
  checkOneOf("quantizer.type", config.type, ["vector"]);
  checkInteger("quantizer.codebookSize", config.codebookSize, 1, 2 ** 24);
  checkInteger("quantizer.codeDimension", config.codeDimension, 1);
  checkOneOf("quantizer.codebook", config.codebook, ["ema", "gradient"]);
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
