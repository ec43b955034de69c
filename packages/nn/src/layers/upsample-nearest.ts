import { ConfigError, describeValue } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { expectShape } from "../functions/expect-shape.js";
import { customGradient } from "../transforms/custom-gradient.js";

/**
 * Repeats each pixel `factor` times along both sides; the gradient of a pixel is the sum over its copies.
 *
 * With a 3×3 convolution after it, it takes the place of a transposed convolution without that one's chequerboards.
 *
 * @param x - `[batch, height, width, channels]`, float32; borrowed.
 * @param factor - A whole number of at least 1; 2 when absent.
 * @returns `[batch, height · factor, width · factor, channels]`; yours to dispose.
 * @throws a `ShapeError` when `x` has another rank; a {@link ConfigError} when the factor is not such a number.
 * @see Odena et al. 2016, https://distill.pub/2016/deconv-checkerboard
 */
export function upsampleNearest(x: tf.Tensor4D, factor = 2): tf.Tensor4D {
  expectShape("upsampleNearest: x", x, ["batch", "height", "width", "channels"]);
  if (!(Number.isSafeInteger(factor) && factor >= 1)) {
    throw new ConfigError(
      `upsampleNearest: expected a factor that is a whole number of at least 1, got ${describeValue(factor)}.`,
    );
  }
  const [batch, height, width, channels] = x.shape;
  return customGradient([x], {
    forward(x) {
      const size: [number, number] = [height * factor, width * factor];
      const value =
        x.size === 0
          ? tf.zeros<tf.Rank.R4>([batch, ...size, channels])
          : // Positions at half pixels, as rounding leaves those right for every factor.
            tf.image.resizeNearestNeighbor(x, size, false, true);
      return { value, saved: [] };
    },
    gradient: (dy) => [
      x.size === 0
        ? tf.zeros(x.shape)
        : tf.tidy(() => tf.mul(tf.avgPool(dy, factor, factor, "valid"), factor * factor)),
    ],
  });
}
