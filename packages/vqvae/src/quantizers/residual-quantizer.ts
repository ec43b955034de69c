import type { Random } from "@mmgen/core";
import {
  type ConfigOf,
  type OptionsOf,
  optional,
  pipe,
  resolveOptions,
  rule,
  transform,
  variant,
  wholeNumber,
} from "@mmgen/core/options";
import type { StepPart } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { Codebook, meanTerms } from "../codebooks/codebook.js";
import {
  codebookLearningFields,
  codebookSizeFields,
  explainDeadCodes,
  explainStart,
  withLearningDefaults,
} from "../codebooks/codebook-config.js";
import { estimateGradient } from "../codebooks/gradient-estimator.js";
import type { RowMask } from "../codebooks/row-mask.js";
import { Quantizer, type RowQuantization } from "./quantizer.js";

const { distance: _, ...learningFields } = codebookLearningFields;
export const residualQuantizerSchema = pipe(
  variant("residual", {
    /** Codes per latent vector; each stage has a codebook of its own. Default: 4. */
    stages: optional(wholeNumber({ min: 1 }), 4),
    ...codebookSizeFields(128, 64),
    ...learningFields,
  }),
  rule("codebook", ({ codebook }) =>
    codebook === "index"
      ? '"index" is not for a residual quantizer, whose gradient reaches the latents once, through the sum of its stages, ' +
        'and no choice among rows; take "ema", "gradient" or "simvq".'
      : undefined,
  ),
  rule("start", (config) => explainStart(config)),
  rule("deadCodeThreshold", (config) => explainDeadCodes(config)),
  transform((config) => withLearningDefaults(config)),
);

/** Options of a {@link ResidualQuantizer}. There is no `distance`: it is Euclidean, as residuals differ in length. */
export type ResidualQuantizerOptions = OptionsOf<typeof residualQuantizerSchema>;
/** {@link ResidualQuantizerOptions} with every default filled in. */
export type ResidualQuantizerConfig = ConfigOf<typeof residualQuantizerSchema>;

/**
 * Residual quantization: several codes per latent vector, coarse to fine. It is replaced by the sum of one row of each
 * stage: r ← z; at each stage q ← the row nearest to r, r ← r − sg[q].
 *
 * Losses are means over the stages, each of its own r and q. The decoder's gradient reaches the latents once, through the
 * sum: through every stage it would come that many times.
 *
 * @see Lee et al. 2022, https://arxiv.org/abs/2203.01941; Zeghidour et al. 2021, https://arxiv.org/abs/2107.03312
 */
export class ResidualQuantizer extends Quantizer {
  readonly config: ResidualQuantizerConfig;
  readonly codebookSize: number;
  readonly latentDimension: number;
  override readonly codeShape: readonly [stages: number];
  override readonly codebooks: number;
  /** The codebook of each stage, coarse to fine. */
  readonly stages: readonly Codebook[];

  /** @throws a `ConfigError` naming the fields that are unknown or out of range. */
  constructor(options: ResidualQuantizerOptions = {}) {
    super();
    this.config = resolveOptions(residualQuantizerSchema, options);
    const { stages, codebookSize, codeDimension } = this.config;
    this.codebookSize = codebookSize;
    this.latentDimension = codeDimension;
    this.codeShape = [stages];
    this.codebooks = stages;
    this.stages = Array.from({ length: stages }, () => new Codebook({ ...this.config, distance: "euclidean" }));
  }

  override afterStep(aux: tf.NamedTensorMap, random: Random): void {
    super.afterStep(aux, random);
    for (const codebook of this.stages) {
      codebook.afterStep(aux, random);
    }
  }

  override partSums(aux: tf.NamedTensorMap, part: StepPart): tf.NamedTensorMap {
    return Object.assign({}, ...this.stages.map((codebook) => codebook.partSums(aux, part)));
  }

  override afterParts(sums: tf.NamedTensorMap): void {
    super.afterParts(sums);
    for (const codebook of this.stages) {
      codebook.afterParts(sums);
    }
  }

  protected override quantizeRows(latents: tf.Tensor2D, mask: RowMask | undefined): RowQuantization {
    let residual = latents;
    const matches = this.stages.map((codebook) => {
      const match = codebook.match(residual, mask);
      residual = tf.sub(residual, match.rows);
      return match;
    });
    const sum = tf.addN(matches.map(({ rows }) => rows));
    const codes = tf.stack(
      matches.map((match) => match.codes),
      1,
    );
    return { quantized: estimateGradient(this.config.gradientEstimator, latents, sum), codes, ...meanTerms(matches) };
  }

  protected override codesOfRows(latents: tf.Tensor2D): tf.Tensor {
    let residual = latents;
    const codes = this.stages.map((codebook) => {
      const ofStage = codebook.codes(residual);
      residual = tf.sub(residual, codebook.rows(ofStage));
      return ofStage;
    });
    return tf.stack(codes, 1);
  }

  protected override vectorsOfRows(codes: tf.Tensor): tf.Tensor2D {
    return tf.addN(tf.unstack(codes, 1).map((column, stage) => this.stages[stage]!.rows(column)));
  }

  protected override async initializeFromRows(latents: tf.Tensor2D, random: Random): Promise<void> {
    let residual = tf.clone(latents);
    try {
      for (const codebook of this.stages) {
        await codebook.initialize(residual, random);
        const before = residual;
        residual = tf.tidy(() => tf.sub(before, codebook.rows(codebook.codes(before))));
        before.dispose();
      }
    } finally {
      residual.dispose();
    }
  }
}
