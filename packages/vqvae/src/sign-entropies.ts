import * as tf from "@tensorflow/tfjs-core";

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
