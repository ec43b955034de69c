import { type ConfigOf, type OptionsOf, variant } from "@mmgen/core/options";
import * as tf from "@tensorflow/tfjs-core";
import { codebook } from "./codebook.js";
import { codebookLearningFields, codebookSizeFields } from "./codebook-config.js";
import { estimateGradient } from "./gradient-estimator.js";
import type { Quantizer } from "./quantizer.js";

/**
 * Replaces each latent by its nearest row of one codebook, whose losses are the quantizer's.
 *
 * @see van den Oord et al. 2017, https://arxiv.org/abs/1711.00937
 */
export function vectorQuantizer(config: VectorQuantizerConfig): Quantizer {
  const { codes, rows, match, ...rest } = codebook("quantizer", config);
  return {
    ...rest,
    codebookSize: config.codebookSize,
    latentDimension: config.codeDimension,
    codesPerVector: 1,
    codebooks: 1,
    codes: (latents, weights) => tf.tidy(() => tf.reshape(codes(latents, weights), [-1, 1])),
    vectors: rows,
    quantize(latents, weights) {
      const { latents: compared, rows, loss, metrics, aux } = match(latents, weights);
      return { quantized: estimateGradient(config.gradientEstimator, compared, rows), loss, metrics, aux };
    },
  };
}

export const vectorQuantizerSchema = variant("vector", { ...codebookSizeFields(128, 64), ...codebookLearningFields });

/** Options of a vector quantizer: one code per latent vector, the nearest row of a codebook. */
export type VectorQuantizerOptions = OptionsOf<typeof vectorQuantizerSchema>;
/** {@link VectorQuantizerOptions} with every default filled in. */
export type VectorQuantizerConfig = ConfigOf<typeof vectorQuantizerSchema>;
