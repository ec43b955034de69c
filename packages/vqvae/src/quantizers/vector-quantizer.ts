import * as tf from "@tensorflow/tfjs-core";
import { withDefaults } from "../model/check-config.js";
import { codebook } from "./codebook.js";
import { type CodebookConfig, checkCodebookConfig, codebookDefaults } from "./codebook-config.js";
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
