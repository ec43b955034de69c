import * as tf from "@tensorflow/tfjs-core";

/** Which rows of `[vectors, …]` count, with their number. */
export interface RowMask {
  /** `[vectors, 1]`, 1 where a row counts and 0 elsewhere, float32. */
  readonly column: tf.Tensor2D;
  /** Number of rows that count, at least 1 so that a mean over none is 0. */
  readonly count: tf.Scalar;
}

/** A mask of any shape and dtype, 0 where a vector does not count, as one of rows; the surrounding `tf.tidy`'s. */
export function rowMask(mask: tf.Tensor): RowMask {
  const column = tf.cast(tf.reshape(tf.notEqual(tf.cast(mask, "float32"), 0), [-1, 1]), "float32") as tf.Tensor2D;
  return { column, count: tf.maximum(tf.sum<tf.Scalar>(column), 1) };
}

/** The mask of rows that come `times` times each, one after another. */
export function repeatRowMask({ column, count }: RowMask, times: number): RowMask {
  return { column: tf.reshape(tf.tile(column, [1, times]), [-1, 1]), count: tf.mul(count, times) };
}

/** The rows that count, and zeros in place of the others, whatever these hold. */
export function keepRows(rows: tf.Tensor2D, mask: RowMask | undefined): tf.Tensor2D {
  if (mask === undefined) {
    return rows;
  }
  const counts = tf.tile(tf.greater(mask.column, 0), [1, rows.shape[1]]);
  return tf.where(counts, rows, tf.zerosLike(rows)) as tf.Tensor2D;
}

/** Mean over all values of the rows that count. */
export function meanOfRows(rows: tf.Tensor2D, mask: RowMask | undefined): tf.Scalar {
  return mask === undefined
    ? (tf.mean(rows) as tf.Scalar)
    : tf.div(tf.sum(keepRows(rows, mask)), tf.mul(mask.count, rows.shape[1]));
}
