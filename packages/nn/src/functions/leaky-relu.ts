import { ConfigError, describeValue } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { customGradient } from "../transforms/custom-gradient.js";
import { positiveShare } from "./positive-share.js";

/**
 * max(x, slope · x): a ReLU that lets a share of the negative values through. The gradient is taken from the output, whose
 * sign is the input's.
 *
 * @param x - Any shape, float32; borrowed.
 * @param slope - Of negative values, between 0 and 1; PyTorch's 0.01 when absent.
 * @returns Shaped as `x`; yours to dispose. The gradient at 0 is `slope`, at NaN it is NaN.
 * @throws a {@link ConfigError} when the slope is outside [0, 1].
 * @see Maas et al. 2013, https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf
 */
export function leakyRelu<T extends tf.Tensor>(x: T, slope = 0.01): T {
  if (!(Number.isFinite(slope) && slope >= 0 && slope <= 1)) {
    throw new ConfigError(`leakyRelu: expected a slope from 0 to 1, got ${describeValue(slope)}.`);
  }
  return customGradient([x], {
    forward(x) {
      const value = tf.leakyRelu(x, slope);
      return { value, saved: [value] };
    },
    gradient: (dy, [value]) => [tf.tidy(() => tf.mul(dy, positiveShare(value, slope)))],
  });
}
