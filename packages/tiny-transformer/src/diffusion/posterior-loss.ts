import { customGradient, oneHot } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { posteriorFactors } from "./posterior-factors.js";

/** What a loss over posteriors takes beside the logits. */
export interface PosteriorTensors {
  /** Ids that the model has seen, `[rows, length]` int32: legal ids, or masked ones outside of the legal range. */
  readonly inputs: tf.Tensor2D;
  /** Original ids, `[rows, length]` int32. */
  readonly targets: tf.Tensor2D;
  /** `[rows, transitionColumns]`; see `transitionColumns` of `@mmgen/core`. */
  readonly transitions: tf.Tensor2D;
  /** First legal id of each position, and the id after the last, `[2, length]` int32. */
  readonly legal: tf.Tensor2D;
  /** Weight of the original ids' cross-entropy. */
  readonly crossEntropyWeight: tf.Scalar;
}

/** Least probability of an original id that the loss tells from 0. */
const minProbability = 1e-20;
const minLogarithm = 1e-37;

/**
 * Loss of a diffusion model of small steps at each position, in nats: the Kullback-Leibler divergence of the posterior
 * under the model's original ids from the one under the true original id, plus a weight times the original id's
 * cross-entropy; closed-form gradient.
 *
 * From time 1 to 0 the divergence is the cross-entropy itself.
 *
 * @param logits - `[rows · length, vocabularySize]`; borrowed.
 * @returns `[rows · length]`; the open tidy's.
 * @see Austin et al. 2021 (D3PM), eqs. 1, 3 and 5, https://arxiv.org/abs/2107.03006; Gu et al. 2022 (VQ-Diffusion),
 *   https://arxiv.org/abs/2111.14822
 */
export function posteriorLoss(logits: tf.Tensor2D, tensors: PosteriorTensors): tf.Tensor1D {
  return customGradient([logits], {
    forward(logits) {
      const terms = posteriorTerms(logits, tensors);
      const { original, truth, log, divergence } = terms;
      const crossEntropy = tf.neg(tf.sum(tf.mul(truth, log(tf.maximum(original, minProbability))), 1));
      const value = tf.add(divergence, tf.mul(tensors.crossEntropyWeight, crossEntropy)) as tf.Tensor1D;
      return { value, saved: [original, truth, terms.slope] };
    },
    // d divergence / d logit k = p_k (slope_k − Σ p slope).
    gradient: (dy, [original, truth, slope]) => {
      const mean = tf.sum(tf.mul(original, slope), 1, true);
      const ofDivergence = tf.mul(original, tf.sub(slope, mean));
      const ofCrossEntropy = tf.mul(tensors.crossEntropyWeight, tf.sub(original, truth));
      return [tf.mul(tf.add(ofDivergence, ofCrossEntropy), tf.reshape(dy, [-1, 1]))];
    },
  });
}

function posteriorTerms(logits: tf.Tensor2D, { inputs, targets, transitions, legal }: PosteriorTensors) {
  const [rows, length] = inputs.shape;
  const vocabularySize = logits.shape[1];
  const bound = (i: number) => tf.reshape(tf.tile(tf.slice(legal, [i, 0], [1, length]), [rows, 1]), [-1, 1]);
  const [from, to] = [bound(0), bound(1)]; // [places, 1]
  const within = (id: tf.Tensor) => tf.logicalAnd(tf.greaterEqual(id, from), tf.less(id, to));
  const isLegal = tf.cast(within(tf.range(0, vocabularySize, 1, "int32")), "float32"); // [places, vocabularySize]
  const truth = oneHot(tf.reshape(targets, [-1]) as tf.Tensor1D, vocabularySize);
  const { forward, inverse, stayBefore, spread } = posteriorFactors({
    hit: oneHot(tf.reshape(inputs, [-1]) as tf.Tensor1D, vocabularySize),
    isMasked: tf.cast(tf.logicalNot(within(tf.reshape(inputs, [-1, 1]))), "float32"),
    isLegal,
    codes: tf.maximum(tf.cast(tf.sub(to, from), "float32"), 1),
    share: (i) => tf.reshape(tf.tile(tf.slice(transitions, [0, i], [rows, 1]), [1, length]), [-1, 1]),
  });

  const original = tf.softmax(tf.add(logits, tf.mul(tf.sub(isLegal, 1), 1e30)) as tf.Tensor2D); // p
  const weighted = tf.mul(inverse, tf.maximum(original, minProbability)); // w
  const modeled = tf.add(tf.mul(stayBefore, weighted), tf.mul(spread, tf.sum(weighted, 1, true)));
  const scale = tf.sum(tf.mul(inverse, truth), 1, true);
  const actual = tf.mul(scale, tf.add(tf.mul(stayBefore, truth), spread));
  const log = (x: tf.Tensor) => tf.log(tf.maximum(x, minLogarithm));
  const divergence = tf.sum(tf.mul(tf.mul(forward, actual), tf.sub(log(actual), log(modeled))), 1);

  // d divergence / d p_k = −u_k · (stayBefore · A_k r_k + spread · Σ A r), r being the posteriors' quotient.
  const quotient = tf.mul(forward, tf.div(actual, tf.maximum(modeled, minLogarithm)));
  const pulled = tf.add(tf.mul(stayBefore, quotient), tf.mul(spread, tf.sum(quotient, 1, true)));
  return { original, truth, log, divergence, slope: tf.neg(tf.mul(inverse, pulled)) };
}
