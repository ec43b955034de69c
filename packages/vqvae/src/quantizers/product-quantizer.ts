import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { checkInteger, withDefaults } from "../model/check-config.js";
import { codebook, meanTerms } from "./codebook.js";
import { type CodebookConfig, checkCodebookConfig, codebookDefaults } from "./codebook-config.js";
import { estimateGradient } from "./gradient-estimator.js";
import type { Quantizer } from "./quantizer.js";

/**
 * Cuts each latent into chunks, and replaces each chunk by its nearest row: with K rows and m chunks, K^m different
 * vectors at the price of a search among K.
 *
 * @see Jégou et al. 2011, https://doi.org/10.1109/TPAMI.2010.57, for the idea in nearest-neighbor search
 */
export function productQuantizer(config: ProductQuantizerConfig): Quantizer {
  return config.sharedCodebook ? sharedCodebook(config) : codebookPerChunk(config);
}

/** One codebook: a latent is so many shorter ones. */
function sharedCodebook(config: ProductQuantizerConfig): Quantizer {
  const { chunks, codebookSize, codeDimension } = config;
  const { codes, rows, match, initialize, ...rest } = codebook("quantizer", config);
  const cut = (latents: tf.Tensor2D): tf.Tensor2D => tf.reshape(latents, [-1, codeDimension]); // [vectors · chunks, codeDimension]
  const joined = (parts: tf.Tensor2D): tf.Tensor2D => tf.reshape(parts, [-1, chunks * codeDimension]);
  return {
    ...rest,
    codebookSize,
    latentDimension: chunks * codeDimension,
    codesPerVector: chunks,
    codebooks: 1,
    codes: (latents, weights) => tf.tidy(() => tf.reshape(codes(cut(latents), weights), [-1, chunks])),
    vectors: (codes, weights) => tf.tidy(() => joined(rows(codes, weights))),
    quantize(latents, weights) {
      const { latents: compared, rows, loss, metrics, aux } = match(cut(latents), weights);
      return { quantized: joined(estimateGradient(config.gradientEstimator, compared, rows)), loss, metrics, aux };
    },
    async initialize(latents, variables, random) {
      const parts = cut(latents);
      try {
        await initialize(parts, variables, random);
      } finally {
        parts.dispose();
      }
    },
  };
}

/** A codebook for each chunk. */
function codebookPerChunk(config: ProductQuantizerConfig): Quantizer {
  const { chunks, codebookSize, codeDimension } = config;
  const codebooks = Array.from({ length: chunks }, (_, chunk) => codebook(`quantizer.chunks.${chunk}`, config));
  const cut = (latents: tf.Tensor2D): tf.Tensor2D[] =>
    chunks === 1 ? [tf.clone(latents)] : tf.split(latents, chunks, 1);
  return {
    codebookSize,
    latentDimension: chunks * codeDimension,
    codesPerVector: chunks,
    codebooks: chunks,
    parameters: codebooks.flatMap(({ parameters }) => parameters),
    codes: (latents, weights) =>
      tf.tidy(() =>
        tf.stack(
          cut(latents).map((part, i) => codebooks[i]!.codes(part, weights)),
          1,
        ),
      ) as tf.Tensor2D,
    vectors: (codes, weights) =>
      tf.tidy(() =>
        tf.concat2d(
          tf.unstack(codes, 1).map((column, i) => codebooks[i]!.rows(column, weights)),
          1,
        ),
      ),
    quantize(latents, weights) {
      const matches = cut(latents).map((part, i) => codebooks[i]!.match(part, weights));
      const parts = matches.map(({ latents, rows }) => estimateGradient(config.gradientEstimator, latents, rows));
      return { quantized: tf.concat2d(parts, 1), ...meanTerms(matches) };
    },
    async initialize(latents, variables, random) {
      const parts = tf.tidy(() => cut(latents));
      try {
        for (const [i, each] of codebooks.entries()) {
          await each.initialize(parts[i]!, variables, random);
        }
      } finally {
        tf.dispose(parts);
      }
    },
    afterStep(aux, variables, random) {
      for (const each of codebooks) {
        each.afterStep(aux, variables, random);
      }
    },
  };
}

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
