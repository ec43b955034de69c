import type { Random } from "@mmgen/core";
import {
  boolean,
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
import { Codebook, meanTerms, quantizedBy } from "../codebooks/codebook.js";
import {
  codebookLearningFields,
  codebookSizeFields,
  explainDeadCodes,
  explainEstimator,
  explainStart,
  withLearningDefaults,
} from "../codebooks/codebook-config.js";
import { type RowMask, repeatRowMask } from "../codebooks/row-mask.js";
import { Quantizer, type RowQuantization } from "./quantizer.js";

export const productQuantizerSchema = pipe(
  variant("product", {
    /** Chunks of `codeDimension` values each that a latent vector is split into: as many codes. Default: 4. */
    chunks: optional(wholeNumber({ min: 1 }), 4),
    ...codebookSizeFields(64, 8),
    /** Whether all chunks share one codebook; otherwise each has its own. */
    sharedCodebook: optional(boolean(), false),
    ...codebookLearningFields,
  }),
  rule("start", (config) => explainStart(config)),
  rule("deadCodeThreshold", (config) => explainDeadCodes(config)),
  rule("gradientEstimator", (config) => explainEstimator(config)),
  transform((config) => withLearningDefaults(config)),
);

/** Options of a {@link ProductQuantizer}. */
export type ProductQuantizerOptions = OptionsOf<typeof productQuantizerSchema>;
/** {@link ProductQuantizerOptions} with every default filled in. */
export type ProductQuantizerConfig = ConfigOf<typeof productQuantizerSchema>;

/**
 * Product quantization: a latent is split into chunks, and each chunk replaced by its nearest row. With K rows and m
 * chunks it has K^m different vectors at the price of a search among K.
 *
 * @see Jégou et al. 2011, https://doi.org/10.1109/TPAMI.2010.57, for the idea in nearest-neighbor search
 */
export class ProductQuantizer extends Quantizer {
  static override readonly paths = { shared: "" };

  readonly config: ProductQuantizerConfig;
  readonly codebookSize: number;
  readonly latentDimension: number;
  override readonly codeShape: readonly [chunks: number];
  override readonly codebooks: number;
  /** The codebook of all chunks, where they share one. */
  readonly shared: Codebook | undefined;
  /** The codebook of each chunk, where each has its own; else empty. */
  readonly chunks: readonly Codebook[];

  /** @throws a `ConfigError` naming the fields that are unknown or out of range. */
  constructor(options: ProductQuantizerOptions = {}) {
    super();
    this.config = resolveOptions(productQuantizerSchema, options);
    const { chunks, codebookSize, codeDimension, sharedCodebook } = this.config;
    this.codebookSize = codebookSize;
    this.latentDimension = chunks * codeDimension;
    this.codeShape = [chunks];
    this.codebooks = sharedCodebook ? 1 : chunks;
    this.shared = sharedCodebook ? new Codebook(this.config) : undefined;
    this.chunks = sharedCodebook ? [] : Array.from({ length: chunks }, () => new Codebook(this.config));
  }

  override afterStep(aux: tf.NamedTensorMap, random: Random): void {
    super.afterStep(aux, random);
    for (const codebook of this.#parts) {
      codebook.afterStep(aux, random);
    }
  }

  override partSums(aux: tf.NamedTensorMap, part: StepPart): tf.NamedTensorMap {
    return Object.assign({}, ...this.#parts.map((codebook) => codebook.partSums(aux, part)));
  }

  override afterParts(sums: tf.NamedTensorMap): void {
    super.afterParts(sums);
    for (const codebook of this.#parts) {
      codebook.afterParts(sums);
    }
  }

  protected override quantizeRows(latents: tf.Tensor2D, mask: RowMask | undefined): RowQuantization {
    const { gradientEstimator, chunks } = this.config;
    const maskOfPart = mask && this.shared ? repeatRowMask(mask, chunks) : mask;
    const matches = this.#split(latents).map((part, i) => this.#parts[i]!.match(part, maskOfPart));
    const quantized = matches.map((match) => quantizedBy(gradientEstimator, match));
    const { loss, metrics, aux } = this.shared ? matches[0]! : meanTerms(matches);
    return {
      quantized: this.#join(quantized),
      codes: this.#joinCodes(matches.map(({ codes }) => codes)),
      loss,
      metrics,
      aux,
    };
  }

  protected override codesOfRows(latents: tf.Tensor2D): tf.Tensor {
    return this.#joinCodes(this.#split(latents).map((part, i) => this.#parts[i]!.codes(part)));
  }

  protected override vectorsOfRows(codes: tf.Tensor): tf.Tensor2D {
    const parts = this.shared ? [codes] : tf.unstack(codes, 1);
    return this.#join(parts.map((part, i) => this.#parts[i]!.rows(part)));
  }

  protected override async initializeFromRows(latents: tf.Tensor2D, random: Random): Promise<void> {
    const parts = tf.tidy(() => this.#split(latents));
    try {
      for (const [i, codebook] of this.#parts.entries()) {
        await codebook.initialize(parts[i]!, random);
      }
    } finally {
      tf.dispose(parts);
    }
  }

  /** The codebooks, in the order of the parts that {@link ProductQuantizer.#split} gives. */
  get #parts(): readonly Codebook[] {
    return this.shared ? [this.shared] : this.chunks;
  }

  /** What each codebook takes: `[vectors, codeDimension]` of a chunk, or all chunks one below the other. */
  #split(latents: tf.Tensor2D): tf.Tensor2D[] {
    const { chunks, codeDimension } = this.config;
    if (this.shared) {
      return [tf.reshape(latents, [-1, codeDimension])]; // [vectors · chunks, codeDimension]
    }
    return chunks === 1 ? [tf.clone(latents)] : tf.split(latents, chunks, 1);
  }

  #join(parts: readonly tf.Tensor2D[]): tf.Tensor2D {
    return this.shared ? tf.reshape(parts[0]!, [-1, this.latentDimension]) : tf.concat2d([...parts], 1);
  }

  /** Codes in the order of the vectors, then the chunks. */
  #joinCodes(parts: readonly tf.Tensor1D[]): tf.Tensor {
    return this.shared ? parts[0]! : tf.stack([...parts], 1);
  }
}
