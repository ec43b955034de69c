import { outsideTape } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { FsqConfig } from "./fsq-config.js";
import { mixedRadix } from "./mixed-radix.js";
import type { Quantizer } from "./quantizer.js";
import { straightThrough } from "./straight-through.js";

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
export function finiteScalarQuantizer({ levels }: FsqConfig): Quantizer {
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
      const [rounded] = outsideTape(() => [tf.round(values)] as const);
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
