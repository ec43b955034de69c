import { type ConfigOf, type FieldsSchema, number, oneOf, optional, wholeNumber } from "@mmgen/core/options";
import { gradientEstimatorNames } from "./gradient-estimator.js";

/** Schema of a codebook's size, with the defaults of a quantizer. */
export function codebookSizeFields(codebookSize: number, codeDimension: number) {
  return {
    /** Rows of the codebook. Default: 128, 64 of a product quantizer. */
    codebookSize: optional(wholeNumber({ min: 1, max: 2 ** 24 }), codebookSize),
    /** Length of a row. Default: 64, 8 of a product quantizer. */
    codeDimension: optional(wholeNumber({ min: 1 }), codeDimension),
  };
}

/** Schema of how a codebook is compared and learned. */
export const codebookLearningFields = {
  /** `ema`: rows follow the mean of the latents they are nearest to. `gradient`: rows are pulled by a loss. Default: "ema". */
  codebook: optional(oneOf(["ema", "gradient"]), "ema"),
  /** What makes a row the nearest: its distance, or its angle, with latents and rows scaled to length 1. Default: "euclidean". */
  distance: optional(oneOf(["euclidean", "cosine"]), "euclidean"),
  /** First rows: `k-means` of the first batch's latents, or `uniform` in ±1/codebookSize. Default: "k-means". */
  start: optional(oneOf(["k-means", "uniform"]), "k-means"),
  /**
   * How the decoder's gradient reaches the latents: `straight-through` copies it, `rotation` rotates it as each latent
   * would have to be rotated to become its row. Default: "straight-through".
   */
  gradientEstimator: optional(oneOf(gradientEstimatorNames), "straight-through"),
  /** β, the weight of the commitment loss, which pulls latents to their rows. Default: 0.25. */
  commitmentWeight: optional(number({ min: 0 }), 0.25),
  /** γ, the share of the past in the running counts and sums, per step. Default: 0.99. */
  emaDecay: optional(number({ min: 0, below: 1 }), 0.99),
  /** ε of the smoothed counts. Default: 1e-5. */
  emaEpsilon: optional(number({ min: 0 }), 1e-5),
  /**
   * A code is dead, and moves to a random latent, when its running count is below this fraction of an equal share
   * (latents per batch / codebookSize); 0: never. Default: 0.3.
   */
  deadCodeThreshold: optional(number({ min: 0, max: 1 }), 0.3),
} as const;

type CodebookFields = ReturnType<typeof codebookSizeFields> & typeof codebookLearningFields;

/** A codebook: rows that latent vectors, or parts of them, are replaced by, and how the rows are learned. */
export type CodebookConfig = ConfigOf<FieldsSchema<CodebookFields>>;
