import { boolean, type ConfigOf, type OptionsOf, optional, variant, wholeNumber } from "@mmgen/core/options";
import * as tf from "@tensorflow/tfjs-core";
import { codebook, meanTerms } from "./codebook.js";
import { codebookLearningFields, codebookSizeFields } from "./codebook-config.js";
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

export const productQuantizerSchema = variant("product", {
  /** Chunks of `codeDimension` values each that a latent vector is split into: as many codes. */
  chunks: optional(wholeNumber({ min: 1 }), 4),
  ...codebookSizeFields(64, 8),
  /** Whether all chunks share one codebook; otherwise each has its own. */
  sharedCodebook: optional(boolean(), false),
  ...codebookLearningFields,
});

/** Options of a product quantizer: several codes per latent vector, the nearest row for each of its chunks. */
export type ProductQuantizerOptions = OptionsOf<typeof productQuantizerSchema>;
/** {@link ProductQuantizerOptions} with every default filled in. */
export type ProductQuantizerConfig = ConfigOf<typeof productQuantizerSchema>;
