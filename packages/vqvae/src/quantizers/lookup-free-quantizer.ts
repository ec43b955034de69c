import {
  type ConfigOf,
  number,
  type OptionsOf,
  optional,
  resolveOptions,
  variant,
  wholeNumber,
} from "@mmgen/core/options";
import { noGrad } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { straightThrough } from "../codebooks/gradient-estimator.js";
import { keepRows, meanOfRows, type RowMask } from "../codebooks/row-mask.js";
import { type MixedRadix, mixedRadix } from "./mixed-radix.js";
import { Quantizer, type RowQuantization } from "./quantizer.js";

export const lookupFreeQuantizerSchema = variant("lfq", {
  /** Values of a latent vector, and bits of a code: 2^bits codes. Default: 8. */
  bits: optional(wholeNumber({ min: 1, max: 20 }), 8),
  /** Weight of the commitment loss, which pulls latents to their signs. Default: 0.25. */
  commitmentWeight: optional(number({ min: 0 }), 0.25),
  /** Weight of the entropy loss, which makes each latent sure of its code and the codes equally used. Default: 0.1. */
  entropyWeight: optional(number({ min: 0 }), 0.1),
  /** τ: how sharply the entropies distinguish codes. Default: 100. */
  inverseTemperature: optional(number({ min: 0 }), 100),
});

/** Options of a {@link LookupFreeQuantizer}. */
export type LookupFreeQuantizerOptions = OptionsOf<typeof lookupFreeQuantizerSchema>;
/** {@link LookupFreeQuantizerOptions} with every default filled in. */
export type LookupFreeQuantizerConfig = ConfigOf<typeof lookupFreeQuantizerSchema>;

/**
 * Lookup-free quantization (LFQ): each value of a latent is replaced by its sign, −1 or 1; a code is Σ 2^i over the
 * positive values. There is no codebook to learn and no start.
 *
 * With c over the 2^bits sign vectors and p(c | z) ∝ exp(−τ‖z − c‖²), the loss is the commitment mean ‖z − sg[sign z]‖²,
 * weighted, and by `entropyWeight` the mean entropy of p(c | z), which is to fall, less the entropy of the mean p(c),
 * which is to rise. The decoder's gradient passes straight through the sign.
 *
 * @see Yu et al. 2023, section 3.1, https://arxiv.org/abs/2310.05737
 */
export class LookupFreeQuantizer extends Quantizer {
  readonly config: LookupFreeQuantizerConfig;
  readonly codebookSize: number;
  readonly latentDimension: number;
  readonly #radix: MixedRadix;

  /** @throws a `ConfigError` naming the fields that are unknown or out of range. */
  constructor(options: LookupFreeQuantizerOptions = {}) {
    super();
    this.config = resolveOptions(lookupFreeQuantizerSchema, options);
    const { bits } = this.config;
    this.#radix = mixedRadix(new Array<number>(bits).fill(2));
    this.codebookSize = this.#radix.size;
    this.latentDimension = bits;
  }

  protected override quantizeRows(latents: tf.Tensor2D, mask: RowMask | undefined): RowQuantization {
    const { commitmentWeight, entropyWeight, inverseTemperature } = this.config;
    const [fixed, codes] = noGrad(() => [signs(positive(latents)), this.codesOfRows(latents)] as const);
    const commitment = meanOfRows(tf.squaredDifference(latents, fixed), mask);
    const { sampleEntropy, codebookEntropy } = signEntropies(latents, inverseTemperature, mask);
    const entropy = tf.mul(tf.sub(sampleEntropy, codebookEntropy), entropyWeight);
    return {
      quantized: straightThrough(latents, fixed),
      codes,
      loss: tf.add(tf.mul(commitment, commitmentWeight), entropy),
      metrics: { commitment, sampleEntropy, codebookEntropy },
      aux: {},
    };
  }

  protected override codesOfRows(latents: tf.Tensor2D): tf.Tensor {
    return this.#radix.codes(positive(latents));
  }

  protected override vectorsOfRows(codes: tf.Tensor): tf.Tensor2D {
    return signs(this.#radix.digits(tf.reshape(codes, [-1, 1])));
  }
}

/** 1 where a value is positive, else 0, float32. */
const positive = (latents: tf.Tensor2D): tf.Tensor2D => tf.cast(tf.greater<tf.Tensor2D>(latents, 0), "float32");
/** 1 and 0 → 1 and −1. */
const signs = (digits: tf.Tensor2D): tf.Tensor2D => tf.sub<tf.Tensor2D>(tf.mul(digits, 2), 1);

/** Entropies over the sign vectors, in nats; differentiable, and the surrounding `tf.tidy`'s. */
interface SignEntropies {
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
 * @param mask - Of the latents that count.
 */
function signEntropies(latents: tf.Tensor2D, inverseTemperature: number, mask: RowMask | undefined): SignEntropies {
  const [vectors, bits] = latents.shape;
  const counted = mask?.count ?? vectors;
  const distance = tf.abs(tf.mul(latents, 4 * inverseTemperature)) as tf.Tensor2D; // log-odds of the sign, [vectors, bits]
  const ofValues = tf.add<tf.Tensor2D>(tf.softplus(tf.neg(distance)), tf.mul(distance, tf.sigmoid(tf.neg(distance))));
  const sampleEntropy = tf.div(tf.sum(keepRows(ofValues, mask)), counted) as tf.Scalar;

  const first = Math.ceil(bits / 2);
  const firstHalf = keepRows(signProbabilities(latents, { from: 0, count: first, inverseTemperature }), mask);
  const secondHalf = keepRows(
    signProbabilities(latents, { from: first, count: bits - first, inverseTemperature }),
    mask,
  );
  const mean = tf.div(tf.matMul(firstHalf, secondHalf, true, false), counted);
  const codebookEntropy = tf.neg(tf.sum(tf.mul(mean, tf.log(tf.add(mean, 1e-10))))) as tf.Scalar;
  return { sampleEntropy, codebookEntropy };
}

/** p of the sign vectors of `count` values of each latent, `[vectors, 2^count]`. */
function signProbabilities(
  latents: tf.Tensor2D,
  {
    from,
    count,
    inverseTemperature,
  }: { readonly from: number; readonly count: number; readonly inverseTemperature: number },
): tf.Tensor2D {
  if (count === 0) {
    return tf.ones([latents.shape[0], 1]);
  }
  const values = tf.slice(latents, [0, from], [-1, count]);
  const logits = tf.mul(tf.matMul(values, signVectors(count), false, true), 2 * inverseTemperature);
  return tf.softmax(logits) as tf.Tensor2D;
}

/** All vectors of `count` signs, `[2^count, count]`. */
function signVectors(count: number): tf.Tensor2D {
  const values = Array.from(
    { length: 2 ** count * count },
    (_, i) => ((Math.floor(i / count) >> (i % count)) & 1) * 2 - 1,
  );
  return tf.tensor2d(values, [2 ** count, count]);
}
