import type { DenoiseRule } from "@mmgen/core";
import { oneHot } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { rowGather } from "../decoding/choose-ids.js";
import { ranks } from "./keep-likely.js";
import { posteriorFactors } from "./posterior-factors.js";

/** What a round does, and with which mask. */
export interface RoundRule {
  readonly rule: DenoiseRule["type"];
  /** Id of masked positions; −1: none. */
  readonly maskId: number;
}

/** What a round's rule reads, at the W positions that may change. */
export interface RoundState {
  /** `[rows, W]`, int32. */
  readonly ids: tf.Tensor2D;
  /** `[rows, W]`, bool. */
  readonly open: tf.Tensor;
  /** Processed logits, `[rows · W, vocabularySize]`. */
  readonly logits: tf.Tensor2D;
  /** `[W, vocabularySize]`, bool. */
  readonly isLegal: tf.Tensor;
  /** `[rows, W, vocabularySize]`; absent: the most likely ids are taken. */
  readonly draws: tf.Tensor | undefined;
  /** `[rows, W]`: noise, or 1 where an id is drawn (`ordered`). */
  readonly choices: tf.Tensor2D;
  /** Number of the rule in this round, a scalar. */
  readonly number: (i: number) => tf.Tensor;
  /** `[rows]`. */
  readonly masked: tf.Tensor1D;
}

/** Ids after a round, `[rows, W]` int32, by the rules of `DenoiseRule` of `@mmgen/core`; the open tidy's. */
export function nextIds({ rule, maskId }: RoundRule, state: RoundState): tf.Tensor2D {
  const { ids, open, choices, number } = state;
  if (rule === "posterior") {
    return tf.where(open, drawFromPosterior(state, maskId), ids);
  }
  const drawn = draw(state.logits, state); // [rows, W]
  if (rule === "redraw") {
    return tf.where(open, drawn, ids);
  }
  const mask = tf.fill(ids.shape, maskId, "int32");
  const isMasked = tf.logicalAnd(open, tf.equal(ids, mask));
  if (rule === "unmask") {
    const revealed = tf.where(tf.less(choices, number(0)), mask, drawn) as tf.Tensor2D;
    const remasked = tf.where(tf.logicalAnd(open, tf.less(choices, number(1))), mask, ids) as tf.Tensor2D;
    return tf.where(isMasked, revealed, remasked);
  }
  if (rule === "ordered") {
    return tf.where(tf.logicalAnd(isMasked, tf.greater(choices, 0)), drawn, ids);
  }
  return tf.where(isConfident(state, drawn, isMasked), drawn, ids);
}

/** @param logits - `[rows · W, vocabularySize]`. */
function draw(logits: tf.Tensor, { ids, draws }: RoundState): tf.Tensor2D {
  const noisy = draws ? tf.add(logits, tf.reshape(draws, logits.shape)) : logits;
  return tf.reshape(tf.argMax(noisy, 1), ids.shape) as tf.Tensor2D;
}

/** Which of the masked ids are revealed, `[rows, W]`: those with the greatest confidence. */
function isConfident(
  { ids, logits, choices, masked, number }: RoundState,
  drawn: tf.Tensor,
  isMasked: tf.Tensor,
): tf.Tensor {
  const [rows, places] = ids.shape;
  const ofDrawn = tf.reshape(rowGather(logits, tf.reshape(drawn, [-1, 1])), [-1]);
  const logProbability = tf.reshape(tf.sub(ofDrawn, tf.logSumExp(logits, 1)), ids.shape);
  const noisy = tf.add(logProbability, tf.mul(choices, number(0)));
  const confidence = tf.where(isMasked, noisy, tf.fill(ids.shape, Number.NEGATIVE_INFINITY));
  const count = tf.sub(tf.sum(tf.cast(isMasked, "float32"), 1), masked);
  const rank = ranks(tf.topk(confidence, places, true).indices);
  return tf.logicalAnd(isMasked, tf.less(rank, tf.reshape(count, [rows, 1])));
}

function drawFromPosterior(state: RoundState, maskId: number): tf.Tensor2D {
  const { ids, logits, number } = state;
  const vocabularySize = logits.shape[1];
  const [rows] = ids.shape;
  const current = tf.reshape(ids, [-1, 1]);
  const isMasked = tf.cast(tf.equal(current, tf.scalar(maskId, "int32")), "float32"); // [places, 1]
  const legal = tf.cast(state.isLegal, "float32");
  const isLegal = tf.reshape(tf.tile(tf.expandDims(legal, 0), [rows, 1, 1]), logits.shape);
  const { forward, inverse, stayBefore, spread } = posteriorFactors({
    hit: oneHot(tf.reshape(ids, [-1]), vocabularySize),
    isMasked,
    isLegal,
    codes: tf.maximum(tf.sum(isLegal, 1, true), 1),
    share: number,
  });
  const weighted = tf.mul(inverse, tf.softmax(logits));
  const sum = tf.sum(weighted, 1, true);
  const codes = tf.mul(forward, tf.add(tf.mul(stayBefore, weighted), tf.mul(spread, sum)));
  const masked = tf.div(number(5), tf.maximum(number(8), 1e-30));
  const all =
    maskId < 0
      ? codes
      : tf.add(codes, tf.mul(tf.mul(isMasked, masked), oneHot(tf.tensor1d([maskId], "int32"), vocabularySize)));
  return draw(tf.log(all), state);
}
