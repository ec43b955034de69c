import * as tf from "@tensorflow/tfjs-core";

/**
 * Softmax of each attribute's logits.
 *
 * @param logits - `[batch, classes]`, attribute after attribute; borrowed.
 * @param sizes - Classes of each attribute.
 * @returns Of the same shape; the surrounding `tf.tidy`'s.
 */
export function classShares(logits: tf.Tensor2D, sizes: readonly number[]): tf.Tensor2D {
  return tf.concat(
    tf.split(logits, [...sizes], 1).map((part) => tf.softmax(part) as tf.Tensor2D),
    1,
  );
}

/** Copies the first `count` rows of what {@link classShares} gave into one array an attribute, from row `start` on. */
export function takeColumns(
  values: Float32Array | Int32Array,
  columns: readonly Float32Array[],
  { count, sizes, start }: { readonly sizes: readonly number[]; readonly start: number; readonly count: number },
): void {
  const width = sizes.reduce((sum, size) => sum + size, 0);
  let from = 0;
  for (const [attribute, size] of sizes.entries()) {
    for (let row = 0; row < count; row++) {
      const at = row * width + from;
      columns[attribute]!.set(values.subarray(at, at + size), (start + row) * size);
    }
    from += size;
  }
}
