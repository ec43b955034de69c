import {
  type ConfigOf,
  listOf,
  type OptionsOf,
  optional,
  pipe,
  resolveOptions,
  rule,
  variant,
  wholeNumber,
} from "@mmgen/core/options";
import { noGrad } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { straightThrough } from "../codebooks/gradient-estimator.js";
import { type MixedRadix, mixedRadix } from "./mixed-radix.js";
import { Quantizer, type RowQuantization } from "./quantizer.js";

/** Float32 does not tell larger codes apart. */
const maxCodebookSize = 2 ** 24;

export const finiteScalarQuantizerSchema = pipe(
  variant("fsq", {
    /** Levels of each value of a latent vector; their product is the number of codes. At least 5 each work best. Default: [8, 6, 5]. */
    levels: optional(listOf(wholeNumber({ min: 2, max: 256 }), { minLength: 1 }), [8, 6, 5]),
  }),
  rule("levels", ({ levels }) => {
    const size = levels.reduce((product, count) => product * count, 1);
    return size > maxCodebookSize
      ? `expected a product of at most ${maxCodebookSize} codes, got ${size}. Take fewer values or levels.`
      : undefined;
  }),
);

/** Options of a {@link FiniteScalarQuantizer}. */
export type FiniteScalarQuantizerOptions = OptionsOf<typeof finiteScalarQuantizerSchema>;
/** {@link FiniteScalarQuantizerOptions} with every default filled in. */
export type FiniteScalarQuantizerConfig = ConfigOf<typeof finiteScalarQuantizerSchema>;

/** By how much the bounds reach past the outer levels, so that these are reached at all. */
const slack = 1e-3;

/**
 * Finite scalar quantization (FSQ): each value of a latent is rounded to one of L levels, evenly spaced in [−1, 1]. There
 * is no codebook to learn, no loss and no start.
 *
 * With h = (L − 1)(1 + 1e-3)/2 and o = ½ for even L, else 0: b = tanh(z + atanh(o/h))·h − o lies between the outer levels,
 * and the decoder sees round(b)/⌊L/2⌋ with the gradient of b/⌊L/2⌋. A code is Σ digit · (product of the levels before),
 * the digit round(b) + ⌊L/2⌋.
 *
 * @see Mentzer et al. 2023, https://arxiv.org/abs/2309.15505
 */
export class FiniteScalarQuantizer extends Quantizer {
  readonly config: FiniteScalarQuantizerConfig;
  readonly codebookSize: number;
  readonly latentDimension: number;
  readonly #radix: MixedRadix;

  /** @throws a `ConfigError` naming the fields that are unknown or out of range. */
  constructor(options: FiniteScalarQuantizerOptions = {}) {
    super();
    this.config = resolveOptions(finiteScalarQuantizerSchema, options);
    const { levels } = this.config;
    this.#radix = mixedRadix(levels);
    this.codebookSize = this.#radix.size;
    this.latentDimension = levels.length;
  }

  protected override quantizeRows(latents: tf.Tensor2D): RowQuantization {
    const values = this.#bounded(latents);
    const [rounded, codes] = noGrad(() => [tf.round(values), this.#codesOf(values)] as const);
    const quantized = tf.div<tf.Tensor2D>(straightThrough(values, rounded), this.#row(half));
    return { quantized, codes, loss: tf.scalar(0), metrics: {}, aux: {} };
  }

  protected override codesOfRows(latents: tf.Tensor2D): tf.Tensor {
    return this.#codesOf(this.#bounded(latents));
  }

  protected override vectorsOfRows(codes: tf.Tensor): tf.Tensor2D {
    const digits = this.#radix.digits(tf.reshape(codes, [-1, 1]));
    return tf.div(tf.sub(digits, this.#row(half)), this.#row(half));
  }

  #bounded(latents: tf.Tensor2D): tf.Tensor2D {
    const shifted = tf.add(
      latents,
      this.#row((count) => Math.atanh(offset(count) / halfWidth(count))),
    );
    return tf.sub(tf.mul(tf.tanh(shifted), this.#row(halfWidth)), this.#row(offset));
  }

  #codesOf(bounded: tf.Tensor2D): tf.Tensor2D {
    return this.#radix.codes(tf.add(tf.round(bounded), this.#row(half)));
  }

  /** A number of each value's count of levels, `[1, latentDimension]`. */
  #row(of: (count: number) => number): tf.Tensor2D {
    return tf.tensor2d(this.config.levels.map(of), [1, this.latentDimension]);
  }
}

const half = (count: number) => Math.floor(count / 2);
const halfWidth = (count: number) => ((count - 1) * (1 + slack)) / 2;
const offset = (count: number) => (count % 2 === 0 ? 0.5 : 0);
