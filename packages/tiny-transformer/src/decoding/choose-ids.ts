import * as tf from "@tensorflow/tfjs-core";

/** Sampling settings that determine the structure of the graph. */
export interface ChoiceSettings {
  /** Divides the logits; 0 takes the most likely id, without noise. */
  readonly temperature: number;
  /** Keeps logits at least as large as the k-th largest; absent: all. */
  readonly topK?: number;
  /** Keeps the smallest set of most likely ids whose probabilities sum to at least p; absent: all. */
  readonly topP?: number;
}

/** Maximum float32. */
const maxFloat32 = 3.4028234663852886e38;

/**
 * Chooses one id per row by the rules of `DecodePlan` of `@mmgen/core`, with tensor operations that can run in a loop.
 *
 * @param logits - `[rows, vocabularySize]`; borrowed.
 * @param legality - Added to the logits: 0 for legal ids, −∞ for others, `[rows, vocabularySize]`; absent: all legal.
 * @param noise - Standard Gumbel noise, `[rows, vocabularySize]`; not read at temperature 0.
 * @returns `[rows]`, int32; belongs to the surrounding `tf.tidy`.
 */
export function chooseIds(
  logits: tf.Tensor2D,
  legality: tf.Tensor2D | undefined,
  noise: tf.Tensor2D,
  { temperature, topK, topP }: ChoiceSettings,
): tf.Tensor1D {
  const vocabularySize = logits.shape[1];
  const finite = finiteLogits(logits);
  const legal = (legality ? tf.add(finite, legality) : finite) as tf.Tensor2D;
  if (temperature === 0) {
    return tf.argMax(legal, 1);
  }
  const divided = atTemperature(legal, temperature);
  const cutsK = topK !== undefined && topK < vocabularySize;
  if (!cutsK && topP === undefined) {
    return tf.argMax(tf.add(divided, noise), 1);
  }
  // Sorted in descending order, lower ids first among equals; the rest works in this order.
  const { values, indices } = tf.topk(divided, vocabularySize, true);
  const impossible = tf.fill(logits.shape, Number.NEGATIVE_INFINITY);
  let kept: tf.Tensor = values;
  if (cutsK) {
    kept = tf.where(tf.greaterEqual(kept, tf.slice(values, [0, topK - 1], [-1, 1])), kept, impossible);
  }
  if (topP !== undefined) {
    const shares = tf.softmax(kept);
    const before = tf.cumsum(shares, 1, true);
    kept = tf.where(tf.less(before, topP), kept, impossible);
  }
  const place = tf.argMax(tf.add(kept, rowGather(noise, indices)), 1); // [rows]
  return tf.reshape(rowGather(indices, tf.reshape(place, [-1, 1])), [-1]);
}

/** Replaces +∞ by the maximum float32, −∞ and NaN by its negative. */
export function finiteLogits<T extends tf.Tensor>(logits: T): T {
  // A comparison with NaN is false.
  const atLeastMin = tf.where(tf.greater(logits, -maxFloat32), logits, tf.fill(logits.shape, -maxFloat32));
  return tf.where(tf.less(atLeastMin, maxFloat32), atLeastMin, tf.fill(logits.shape, maxFloat32)) as T;
}

/**
 * Divides logits by the temperature. In a row whose maximum is infinite or would overflow, the noise would be lost by
 * rounding: the maximum is subtracted first, so that all ids that have it are equally likely and no others are
 * possible.
 */
export function atTemperature(legal: tf.Tensor2D, temperature: number): tf.Tensor2D {
  const top = tf.max(legal, 1, true); // [rows, 1]
  const overflows = tf.greaterEqual(tf.abs(top), maxFloat32 * Math.min(1, temperature));
  const counted = tf.sub(legal, tf.where(overflows, top, tf.zerosLike(top))) as tf.Tensor2D;
  return temperature === 1 ? counted : tf.div(counted, temperature);
}

/** Gathers from each row of `table`, `[rows, columns]`, the entries at the same row of `indices`, `[rows, …]`. */
export function rowGather(table: tf.Tensor, indices: tf.Tensor): tf.Tensor {
  const [rows, columns] = table.shape as [number, number];
  const starts = tf.reshape(tf.range(0, rows * columns, columns, "int32"), [rows, 1]);
  return tf.gather(tf.reshape(table, [-1]), tf.add(indices, starts));
}
