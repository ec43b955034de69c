import * as tf from "@tensorflow/tfjs-core";

/** An id at time t, and the corruption between the times s < t. */
export interface NoisedIds {
  /** One-hot of the ids at t, `[places, vocabularySize]`; zeros or not legal where masked. */
  readonly hit: tf.Tensor;
  /** `[places, 1]`, 0 or 1. */
  readonly isMasked: tf.Tensor;
  /** `[places, vocabularySize]`, 0 or 1. */
  readonly isLegal: tf.Tensor;
  /** Number of legal ids, `[places, 1]`. */
  readonly codes: tf.Tensor;
  /** Column of the table of transitions (`transitionColumns` of `@mmgen/core`), `[places, 1]` or a scalar. */
  readonly share: (column: number) => tf.Tensor;
}

/**
 * Factors of the posterior, by which an id j has at time s, given the id at t, the probability
 * A_j · (stayBefore · w_j + spread · Σ w), with w = u · p(original).
 *
 * A_j (`forward`) is q(id at t | id j at s) and u_k (`inverse`) 1 / q(id at t | original k). A masked id at t is equally
 * likely after all originals: there u is 1, and A has the quotient.
 *
 * @returns the open tidy's tensors.
 */
export function posteriorFactors({ hit, isMasked, isLegal, codes, share }: NoisedIds) {
  const even = (column: number) => tf.div(share(column), codes);
  const choose = (masked: tf.Tensor | number, other: tf.Tensor) =>
    tf.add(tf.mul(isMasked, masked), tf.mul(tf.sub(1, isMasked), other));
  const forwardMasked = tf.div(share(2), tf.maximum(share(8), 1e-30));
  const forward = tf.mul(isLegal, choose(forwardMasked, tf.add(tf.mul(hit, share(0)), even(1))));
  const inverse = choose(1, tf.div(1, tf.add(tf.mul(hit, share(6)), even(7))));
  return { forward, inverse, stayBefore: share(3), spread: even(4) };
}
