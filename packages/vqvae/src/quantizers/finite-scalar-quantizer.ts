import { type ConfigOf, listOf, type OptionsOf, optional, pipe, rule, variant, wholeNumber } from "@mmgen/core/options";
import { noGrad } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { straightThrough } from "./gradient-estimator.js";
import { mixedRadix } from "./mixed-radix.js";
import type { Quantizer } from "./quantizer.js";

/** By how much the bounds reach past the outer levels, so that these are reached at all. */
const slack = 1e-3;

/**
 * Rounds each value of a latent to one of L levels, evenly spaced in [−1, 1].
 *
 * With h = (L − 1)(1 + 1e-3)/2 and o = ½ for even L, else 0: b = tanh(z + atanh(o/h))·h − o lies between the outer levels,
 * and the decoder sees round(b)/⌊L/2⌋ with the gradient of b/⌊L/2⌋. A code is Σ digit · (product of the levels before),
 * the digit round(b) + ⌊L/2⌋. No loss of its own, no state, no start.
 *
 * @see Mentzer et al. 2023, https://arxiv.org/abs/2309.15505
 */
export function finiteScalarQuantizer({ levels }: FiniteScalarQuantizerConfig): Quantizer {
  const radix = mixedRadix(levels);
  const row = (of: (count: number) => number) => tf.tensor2d(levels.map(of), [1, levels.length]);
  const half = (count: number) => Math.floor(count / 2);
  const halfWidth = (count: number) => ((count - 1) * (1 + slack)) / 2;
  const offset = (count: number) => (count % 2 === 0 ? 0.5 : 0);
  const bounded = (latents: tf.Tensor2D): tf.Tensor2D => {
    const shifted = tf.add(
      latents,
      row((count) => Math.atanh(offset(count) / halfWidth(count))),
    );
    return tf.sub(tf.mul(tf.tanh(shifted), row(halfWidth)), row(offset));
  };
  return {
    codebookSize: radix.size,
    latentDimension: levels.length,
    codesPerVector: 1,
    codebooks: 1,
    parameters: [],
    codes: (latents) => tf.tidy(() => radix.codes(tf.add(tf.round(bounded(latents)), row(half)))),
    vectors: (codes) => tf.tidy(() => tf.div(tf.sub(radix.digits(codes), row(half)), row(half))),
    quantize(latents) {
      const values = bounded(latents);
      const [rounded] = noGrad(() => [tf.round(values)] as const);
      return {
        quantized: tf.div(straightThrough(values, rounded), row(half)),
        loss: tf.scalar(0),
        metrics: {},
        aux: {},
      };
    },
    async initialize() {},
    afterStep() {},
  };
}

/** Float32 does not tell larger codes apart. */
const maxCodebookSize = 2 ** 24;

export const finiteScalarQuantizerSchema = pipe(
  variant("fsq", {
    /** Levels of each value of a latent vector; their product is the number of codes. At least 5 each work best. */
    levels: optional(listOf(wholeNumber({ min: 2, max: 256 }), { minLength: 1 }), [8, 6, 5]),
  }),
  rule("levels", ({ levels }) => {
    const size = levels.reduce((product, count) => product * count, 1);
    return size > maxCodebookSize
      ? `expected a product of at most ${maxCodebookSize} codes, got ${size}. Take fewer values or levels.`
      : undefined;
  }),
);

/** Options of finite scalar quantization: each value of a latent is rounded to one of a few levels. */
export type FiniteScalarQuantizerOptions = OptionsOf<typeof finiteScalarQuantizerSchema>;
/** {@link FiniteScalarQuantizerOptions} with every default filled in. */
export type FiniteScalarQuantizerConfig = ConfigOf<typeof finiteScalarQuantizerSchema>;
