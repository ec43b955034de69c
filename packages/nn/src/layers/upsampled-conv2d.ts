import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { convTranspose2d } from "./conv-transpose2d.js";

/**
 * `conv2d(upsampleNearest(x), filter, bias)` in fewer multiplications, 4/9 of them for a 3×3 filter.
 *
 * Copies of a pixel meet neighboring places of the filter, whose weights can be added first: what comes out is a
 * transposed convolution of stride 2 whose filter has one place more a side, K[k] = w[n − 1 − k] + w[n − k] along each.
 *
 * @param x - `[batch, height, width, inChannels]`; borrowed.
 * @param filter - `[n, n, inChannels, outChannels]` with an odd `n`; borrowed.
 * @param bias - `[outChannels]`; borrowed.
 * @returns `[batch, 2 · height, 2 · width, outChannels]`; yours to dispose.
 * @throws a {@link ShapeError} when the channel counts differ, or the filter's side is even.
 */
export function upsampledConv2d(x: tf.Tensor4D, filter: tf.Tensor4D, bias: tf.Tensor1D): tf.Tensor4D {
  const [height, width] = filter.shape;
  if (height % 2 === 0 || width % 2 === 0) {
    throw new ShapeError(
      `upsampledConv2d: expected a filter with odd sides, got ${height}×${width}. "same" padding is lopsided for others.`,
    );
  }
  return tf.tidy(() => {
    const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);
    const spread = withNext(withNext(turned, 0), 1);
    return convTranspose2d(x, spread, bias, { stride: 2 });
  });
}

/** Each place along an axis plus the one before it: one place more. */
function withNext(filter: tf.Tensor4D, axis: number): tf.Tensor4D {
  const padded = (before: number, after: number) =>
    tf.pad(
      filter,
      filter.shape.map((_, i): [number, number] => (i === axis ? [before, after] : [0, 0])),
    );
  return tf.add(padded(0, 1), padded(1, 0));
}
