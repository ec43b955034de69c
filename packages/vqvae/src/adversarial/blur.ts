import { customGradient } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";

/** A binomial filter; its values sum to 1. */
const filter = [1, 2, 1, 2, 4, 2, 1, 2, 1].map((value) => value / 16);

/**
 * Blurs each channel by the binomial 3×3 filter, with zeros around the image, before every other pixel is left out. The
 * filter is symmetric, so the gradient is the blurred gradient.
 *
 * @param x - `[batch, height, width, channels]`, float32; borrowed.
 * @returns Shaped as `x`; yours to dispose.
 * @see Zhang 2019, https://arxiv.org/abs/1904.11486
 */
export function blur(x: tf.Tensor4D): tf.Tensor4D {
  return customGradient([x], {
    forward: (x) => ({ value: blurred(x), saved: [] }),
    gradient: (dy) => [blurred(dy)],
  });
}

function blurred(x: tf.Tensor4D): tf.Tensor4D {
  const channels = x.shape[3];
  return tf.tidy(() => {
    const each = tf.tensor4d(
      filter.flatMap((value) => Array<number>(channels).fill(value)),
      [3, 3, channels, 1],
    );
    return tf.depthwiseConv2d(x, each, 1, "same");
  });
}
