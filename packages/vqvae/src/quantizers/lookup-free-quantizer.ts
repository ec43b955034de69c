import { type ConfigOf, number, type OptionsOf, optional, variant, wholeNumber } from "@mmgen/core/options";
import { noGrad } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { straightThrough } from "./gradient-estimator.js";
import { mixedRadix } from "./mixed-radix.js";
import type { Quantizer } from "./quantizer.js";

/**
 * Replaces each value of a latent by its sign, −1 or 1; a code is Σ 2^i over the positive values.
 *
 * With c over the 2^bits sign vectors and p(c | z) ∝ exp(−τ‖z − c‖²), the loss is the commitment mean ‖z − sg[sign z]‖²,
 * weighted, and by `entropyWeight` the mean entropy of p(c | z), which is to fall, less the entropy of the mean p(c),
 * which is to rise. The decoder's gradient passes straight through the sign. No state, no start.
 *
 * @see Yu et al. 2023, section 3.1, https://arxiv.org/abs/2310.05737
 */
export function lookupFreeQuantizer(config: LookupFreeQuantizerConfig): Quantizer {
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
      const [fixed] = noGrad(() => [signs(positive(latents))] as const);
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

export const lookupFreeQuantizerSchema = variant("lfq", {
  /** Values of a latent vector, and bits of a code: 2^bits codes. */
  bits: optional(wholeNumber({ min: 1, max: 20 }), 8),
  /** Weight of the commitment loss, which pulls latents to their signs. */
  commitmentWeight: optional(number({ min: 0 }), 0.25),
  /** Weight of the entropy loss, which makes each latent sure of its code and the codes equally used. */
  entropyWeight: optional(number({ min: 0 }), 0.1),
  /** τ: how sharply the entropies distinguish codes. */
  inverseTemperature: optional(number({ min: 0 }), 100),
});

/** Options of lookup-free quantization: a code is the signs of a latent's values. */
export type LookupFreeQuantizerOptions = OptionsOf<typeof lookupFreeQuantizerSchema>;
/** {@link LookupFreeQuantizerOptions} with every default filled in. */
export type LookupFreeQuantizerConfig = ConfigOf<typeof lookupFreeQuantizerSchema>;

/** Entropies over the sign vectors, in nats; differentiable, and the surrounding `tf.tidy`'s. */
export interface SignEntropies {
  /** Of the codes of one latent, on average: E[H(p(c | z))]. */
  readonly sampleEntropy: tf.Scalar;
  /** Of the codes of all latents together: H(E[p(c | z)]). */
  readonly codebookEntropy: tf.Scalar;
}

/**
 * How sure latents are of their nearest sign vector, and how many of these they use, where p(c | z) ∝ exp(−τ‖z − c‖²).
 *
 * The signs are independent given z, each positive with probability σ(4τz), so the first entropy is a sum over values.
 * The mean of p over the latents is no such product; but p is the outer product of what it is on the first half of the
 * values and on the second, so one matmul of `[vectors, 2^(bits/2)]` by the same gives the mean over all 2^bits codes, and
 * `[vectors, 2^bits]` is never made.
 *
 * @param latents - `[vectors, bits]`; borrowed.
 */
export function signEntropies(latents: tf.Tensor2D, inverseTemperature: number): SignEntropies {
  const [vectors, bits] = latents.shape;
  const distance = tf.abs(tf.mul(latents, 4 * inverseTemperature)); // log-odds of the sign, [vectors, bits]
  const ofValues = tf.add(tf.softplus(tf.neg(distance)), tf.mul(distance, tf.sigmoid(tf.neg(distance))));
  const sampleEntropy = tf.div(tf.sum(ofValues), vectors) as tf.Scalar;

  const first = Math.ceil(bits / 2);
  const halves = [halfProbabilities(latents, 0, first), halfProbabilities(latents, first, bits - first)] as const;
  function halfProbabilities(of: tf.Tensor2D, from: number, count: number): tf.Tensor2D {
    if (count === 0) {
      return tf.ones([vectors, 1]);
    }
    const values = tf.slice(of, [0, from], [-1, count]);
    const logits = tf.mul(tf.matMul(values, signVectors(count), false, true), 2 * inverseTemperature);
    return tf.softmax(logits) as tf.Tensor2D; // [vectors, 2^count]
  }
  const mean = tf.div(tf.matMul(halves[0], halves[1], true, false), vectors);
  const codebookEntropy = tf.neg(tf.sum(tf.mul(mean, tf.log(tf.add(mean, 1e-10))))) as tf.Scalar;
  return { sampleEntropy, codebookEntropy };
}

/** All vectors of `count` signs, `[2^count, count]`. */
function signVectors(count: number): tf.Tensor2D {
  const values = Array.from(
    { length: 2 ** count * count },
    (_, i) => ((Math.floor(i / count) >> (i % count)) & 1) * 2 - 1,
  );
  return tf.tensor2d(values, [2 ** count, count]);
}
