import * as tf from "@tensorflow/tfjs-core";
import { atTemperature, type ChoiceSettings } from "../decoding/choose-ids.js";

/**
 * Processes logits by temperature, top-k and top-p, in place of their ids: removed ids have −∞.
 *
 * @param logits - `[rows, vocabularySize]`, −∞ for ids that are not legal and finite for all others; borrowed.
 * @returns `[rows, vocabularySize]`; at temperature 0 the logits themselves. The open tidy's.
 */
export function keepLikely(logits: tf.Tensor2D, { temperature, topK, topP }: ChoiceSettings): tf.Tensor2D {
  const [, vocabularySize] = logits.shape as [number, number];
  const impossible = tf.fill(logits.shape, Number.NEGATIVE_INFINITY);
  if (temperature === 0) {
    return logits;
  }
  let kept: tf.Tensor = atTemperature(logits, temperature);
  if (topK !== undefined && topK < vocabularySize) {
    const least = tf.slice(tf.topk(kept, topK, true).values, [0, topK - 1], [-1, 1]);
    kept = tf.where(tf.greaterEqual(kept, least), kept, impossible);
  }
  if (topP !== undefined) {
    const { values, indices } = tf.topk(kept, vocabularySize, true);
    const before = tf.cumsum(tf.softmax(values), 1, true);
    const count = tf.sum(tf.cast(tf.less(before, topP), "float32"), 1, true); // [rows, 1]
    kept = tf.where(tf.less(ranks(indices), count), kept, impossible);
  }
  return kept as tf.Tensor2D;
}

/**
 * The place of each index in a row of sorted indices: the inverse of the permutation.
 *
 * @param indices - `[rows, columns]` int32, each row a permutation.
 * @returns `[rows, columns]`, float32.
 */
export function ranks(indices: tf.Tensor): tf.Tensor {
  const sorted = tf.topk(tf.neg(tf.cast(indices, "float32")), indices.shape[1]!, true);
  return tf.cast(sorted.indices, "float32");
}
