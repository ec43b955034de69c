import { type ConfigOf, type OptionsOf, optional, variant, wholeNumber } from "@mmgen/core/options";
import * as tf from "@tensorflow/tfjs-core";
import { codebook, meanTerms } from "./codebook.js";
import { codebookLearningFields, codebookSizeFields } from "./codebook-config.js";
import { estimateGradient } from "./gradient-estimator.js";
import type { Quantizer } from "./quantizer.js";

/**
 * Replaces each latent by the sum of one row of each stage: r ← z; at each stage q ← the row nearest to r, r ← r − sg[q].
 *
 * Losses are means over the stages, each of its own r and q. The decoder's gradient reaches the latents once, through the
 * sum: through every stage it would come that many times.
 *
 * @see Lee et al. 2022, https://arxiv.org/abs/2203.01941; Zeghidour et al. 2021, https://arxiv.org/abs/2107.03312
 */
export function residualQuantizer(config: ResidualQuantizerConfig): Quantizer {
  const { stages, codebookSize, codeDimension } = config;
  const ofStage = { ...config, distance: "euclidean" } as const;
  const codebooks = Array.from({ length: stages }, (_, stage) => codebook(`quantizer.stages.${stage}`, ofStage));
  return {
    codebookSize,
    latentDimension: codeDimension,
    codesPerVector: stages,
    codebooks: stages,
    parameters: codebooks.flatMap(({ parameters }) => parameters),
    codes: (latents, weights) =>
      tf.tidy(() => {
        let residual = latents;
        const codes = codebooks.map((each) => {
          const ofStage = each.codes(residual, weights);
          residual = tf.sub(residual, each.rows(ofStage, weights));
          return ofStage;
        });
        return tf.stack(codes, 1) as tf.Tensor2D;
      }),
    vectors: (codes, weights) =>
      tf.tidy(() => tf.addN(tf.unstack(codes, 1).map((column, stage) => codebooks[stage]!.rows(column, weights)))),
    quantize(latents, weights) {
      let residual = latents;
      const matches = codebooks.map((each) => {
        const match = each.match(residual, weights);
        residual = tf.sub(residual, match.rows);
        return match;
      });
      const sum = tf.addN(matches.map(({ rows }) => rows));
      return { quantized: estimateGradient(config.gradientEstimator, latents, sum), ...meanTerms(matches) };
    },
    async initialize(latents, variables, random) {
      let residual = tf.clone(latents);
      for (const each of codebooks) {
        try {
          await each.initialize(residual, variables, random);
        } catch (error) {
          residual.dispose();
          throw error;
        }
        const before = residual;
        residual = tf.tidy(() => tf.sub(before, each.rows(each.codes(before, variables), variables)));
        before.dispose();
      }
      residual.dispose();
    },
    afterStep(aux, variables, random) {
      for (const each of codebooks) {
        each.afterStep(aux, variables, random);
      }
    },
  };
}

const { distance: _, ...learningFields } = codebookLearningFields;
export const residualQuantizerSchema = variant("residual", {
  /** Codes per latent vector; each stage has a codebook of its own. */
  stages: optional(wholeNumber({ min: 1 }), 4),
  ...codebookSizeFields(128, 64),
  ...learningFields,
});

/**
 * Options of a residual quantizer: several codes per latent vector, coarse to fine, each of what the stages before it
 * left over. Its distance is Euclidean, as residuals differ in length.
 */
export type ResidualQuantizerOptions = OptionsOf<typeof residualQuantizerSchema>;
/** {@link ResidualQuantizerOptions} with every default filled in. */
export type ResidualQuantizerConfig = ConfigOf<typeof residualQuantizerSchema>;
