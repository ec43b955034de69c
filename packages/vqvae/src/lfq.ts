import { outsideTape } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { LfqConfig } from "./lfq-config.js";
import { mixedRadix } from "./mixed-radix.js";
import type { Quantizer } from "./quantizer.js";
import { signEntropies } from "./sign-entropies.js";
import { straightThrough } from "./straight-through.js";

/**
 * Replaces each value of a latent by its sign, −1 or 1; a code is Σ 2^i over the positive values.
 *
 * With c over the 2^bits sign vectors and p(c | z) ∝ exp(−τ‖z − c‖²), the loss is the commitment mean ‖z − sg[sign z]‖²,
 * weighted, and by `entropyWeight` the mean entropy of p(c | z), which is to fall, less the entropy of the mean p(c),
 * which is to rise. The decoder's gradient passes straight through the sign. No state, no start.
 *
 * @see Yu et al. 2023, section 3.1, https://arxiv.org/abs/2310.05737
 */
export function lookupFreeQuantizer(config: LfqConfig): Quantizer {
  const { bits, commitmentWeight, entropyWeight, inverseTemperature } = config;
  const radix = mixedRadix(new Array<number>(bits).fill(2));
  const positive = (latents: tf.Tensor2D): tf.Tensor2D => tf.cast(tf.greater<tf.Tensor2D>(latents, 0), "float32");
  const signs = (digits: tf.Tensor2D): tf.Tensor2D => tf.sub<tf.Tensor2D>(tf.mul(digits, 2), 1);
  return {
    codebookSize: radix.size,
    latentDimension: bits,
    codesPerVector: 1,
    codebooks: 1,
    parameters: [],
    codes: (latents) => tf.tidy(() => radix.codes(positive(latents))),
    vectors: (codes) => tf.tidy(() => signs(radix.digits(codes))),
    quantize(latents) {
      const [fixed] = outsideTape(() => [signs(positive(latents))] as const);
      const commitment = tf.mean(tf.squaredDifference(latents, fixed)) as tf.Scalar;
      const { sampleEntropy, codebookEntropy } = signEntropies(latents, inverseTemperature);
      const entropy = tf.mul(tf.sub(sampleEntropy, codebookEntropy), entropyWeight);
      return {
        quantized: straightThrough(latents, fixed),
        loss: tf.add(tf.mul(commitment, commitmentWeight), entropy),
        metrics: { commitment, sampleEntropy, codebookEntropy },
        aux: {},
      };
    },
    async initialize() {},
    afterStep() {},
  };
}
