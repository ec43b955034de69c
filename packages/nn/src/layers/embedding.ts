import * as tf from "@tensorflow/tfjs-core";
import { expectInt32, expectShape } from "../functions/expect-shape.js";
import { sumSegments } from "../functions/sum-segments.js";
import { customGradient } from "../transforms/custom-gradient.js";

/**
 * Looks up one row of a table for each id; the gradient adds up the rows of equal ids.
 *
 * @param table - `[rows, width]`, float32; borrowed.
 * @param ids - any shape, int32, each in `[0, rows)`; borrowed. Check them on the host: a backend may not.
 * @returns `[...ids.shape, width]`; yours to dispose.
 * @throws a `ShapeError` when the table is no matrix or the ids are not int32.
 */
export function embedding(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  expectShape("embedding: table", table, ["rows", "width"]);
  expectInt32("embedding: ids", ids);
  const [rows, width] = table.shape as [number, number];
  return customGradient([table], {
    forward: (table) => ({ value: tf.gather(table, ids as tf.Tensor1D), saved: [ids] }),
    gradient(dy, [ids]) {
      const flatIds = tf.reshape<tf.Rank.R1>(ids, [-1]);
      return [sumSegments(tf.reshape<tf.Rank.R2>(dy, [-1, width]), flatIds, rows)];
    },
  });
}
