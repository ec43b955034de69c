import type { Random } from "@mmgen/core";
import { type ConfigOf, type OptionsOf, pipe, resolveOptions, rule, transform, variant } from "@mmgen/core/options";
import type { StepPart } from "@mmgen/nn/layers";
import type * as tf from "@tensorflow/tfjs-core";
import { Codebook, quantizedBy } from "../codebooks/codebook.js";
import {
  codebookLearningFields,
  codebookSizeFields,
  explainDeadCodes,
  explainEstimator,
  explainStart,
  withLearningDefaults,
} from "../codebooks/codebook-config.js";
import type { RowMask } from "../codebooks/row-mask.js";
import { Quantizer, type RowQuantization } from "./quantizer.js";

export const vectorQuantizerSchema = pipe(
  variant("vector", { ...codebookSizeFields(128, 64), ...codebookLearningFields }),
  rule("start", (config) => explainStart(config)),
  rule("deadCodeThreshold", (config) => explainDeadCodes(config)),
  rule("gradientEstimator", (config) => explainEstimator(config)),
  transform((config) => withLearningDefaults(config)),
);

/** Options of a {@link VectorQuantizer}. */
export type VectorQuantizerOptions = OptionsOf<typeof vectorQuantizerSchema>;
/** {@link VectorQuantizerOptions} with every default filled in. */
export type VectorQuantizerConfig = ConfigOf<typeof vectorQuantizerSchema>;

/**
 * Vector quantization: one code per latent vector, the nearest row of a codebook.
 *
 * @see van den Oord et al. 2017, https://arxiv.org/abs/1711.00937
 */
export class VectorQuantizer extends Quantizer {
  static override readonly paths = { rows: "" };

  readonly config: VectorQuantizerConfig;
  readonly codebookSize: number;
  readonly latentDimension: number;
  readonly rows: Codebook;

  /** @throws a `ConfigError` naming the fields that are unknown or out of range. */
  constructor(options: VectorQuantizerOptions = {}) {
    super();
    this.config = resolveOptions(vectorQuantizerSchema, options);
    this.codebookSize = this.config.codebookSize;
    this.latentDimension = this.config.codeDimension;
    this.rows = new Codebook(this.config);
  }

  override afterStep(aux: tf.NamedTensorMap, random: Random): void {
    super.afterStep(aux, random);
    this.rows.afterStep(aux, random);
  }

  override partSums(aux: tf.NamedTensorMap, part: StepPart): tf.NamedTensorMap {
    return this.rows.partSums(aux, part);
  }

  override afterParts(sums: tf.NamedTensorMap): void {
    super.afterParts(sums);
    this.rows.afterParts(sums);
  }

  protected override quantizeRows(latents: tf.Tensor2D, mask: RowMask | undefined): RowQuantization {
    const match = this.rows.match(latents, mask);
    const { codes, loss, metrics, aux } = match;
    return { quantized: quantizedBy(this.config.gradientEstimator, match), codes, loss, metrics, aux };
  }

  protected override codesOfRows(latents: tf.Tensor2D): tf.Tensor {
    return this.rows.codes(latents);
  }

  protected override vectorsOfRows(codes: tf.Tensor): tf.Tensor2D {
    return this.rows.rows(codes);
  }

  protected override initializeFromRows(latents: tf.Tensor2D, random: Random): Promise<void> {
    return this.rows.initialize(latents, random);
  }
}
