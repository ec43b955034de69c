import * as tf from "@tensorflow/tfjs-core";

/** How ids are chosen from logits; what decides the graph's structure. */
export interface ChoiceSettings {
  /** 0: the likeliest id, without noise. */
  readonly temperature: number;
  /** Keeps logits at least as large as the k-th; absent: all. */
  readonly topK?: number;
  /** Keeps the smallest set of ids whose probabilities reach p; absent: all. */
  readonly topP?: number;
}

/** The largest float32. */
const largest = 3.4028234663852886e38;

/**
 * One id a row, by the rules of `DecodePlan` in `@mmgen/core`, as operations that a loop can hold.
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
  // Sorted, of equals the lower id first; everything after happens in this order.
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

/** Logits with numbers for what is none: the largest for +∞, its negative for −∞ and NaN. */
function finiteLogits(logits: tf.Tensor2D): tf.Tensor2D {
  // A comparison with NaN is false.
  const means = tf.greater(logits, -largest);
  return tf.where(means, tf.minimum(logits, largest), tf.fill(logits.shape, -largest)) as tf.Tensor2D;
}

/**
 * Logits over the temperature. Beside a row's largest where that is infinite, or would be, noise would vanish: such a row
 * is counted from its largest, so that all ids that share it are equally likely, and no other is possible.
 */
function atTemperature(legal: tf.Tensor2D, temperature: number): tf.Tensor2D {
  const top = tf.max(legal, 1, true); // [rows, 1]
  const overflows = tf.greaterEqual(tf.abs(top), largest * Math.min(1, temperature));
  const counted = tf.sub(legal, tf.where(overflows, top, tf.zerosLike(top))) as tf.Tensor2D;
  return temperature === 1 ? counted : tf.div(counted, temperature);
}

/** From each row of `table`, `[rows, columns]`, the entries at that row of `indices`, `[rows, …]`. */
function rowGather(table: tf.Tensor, indices: tf.Tensor): tf.Tensor {
  const [rows, columns] = table.shape as [number, number];
  const starts = tf.reshape(tf.range(0, rows * columns, columns, "int32"), [rows, 1]);
  return tf.gather(tf.reshape(table, [-1]), tf.add(indices, starts));
}
