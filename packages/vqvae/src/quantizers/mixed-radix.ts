import * as tf from "@tensorflow/tfjs-core";

/** Σ digit · (product of the radices before it): the first digit counts ones. */
export interface MixedRadix {
  /** Number of different codes, the product of the radices. */
  readonly size: number;
  /** `[rows, digits]` whole numbers, float32 → codes, `[rows, 1]`, int32; the surrounding `tf.tidy`'s. */
  codes(digits: tf.Tensor2D): tf.Tensor2D;
  /** Codes, `[rows, 1]`, int32 → digits, `[rows, digits]`, float32; the surrounding `tf.tidy`'s. */
  digits(codes: tf.Tensor2D): tf.Tensor2D;
}

/** Numbers whose i-th digit runs from 0 to `radices[i]` − 1; fewer than 2^24 of them, as float32 counts no further. */
export function mixedRadix(radices: readonly number[]): MixedRadix {
  const places = radices.map((_, i) => radices.slice(0, i).reduce((product, radix) => product * radix, 1));
  const row = (values: readonly number[]) => tf.tensor2d([...values], [1, values.length], "int32");
  return {
    size: radices.reduce((product, radix) => product * radix, 1),
    codes: (digits) => tf.sum(tf.mul(tf.cast(digits, "int32"), row(places)), 1, true),
    digits(codes) {
      // Not tf.mod: on tfjs's webgl backend it leaves NaN where a texel goes beyond an odd row, and convolutions read it.
      const from = tf.floorDiv(codes, row(places));
      const rest = tf.sub<tf.Tensor2D>(from, tf.mul(tf.floorDiv(from, row(radices)), row(radices)));
      return tf.cast(rest, "float32");
    },
  };
}
