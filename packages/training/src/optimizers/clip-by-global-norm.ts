import { checkNumber } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { GradientTransform, Updates } from "./transform.js";

/**
 * Scales all directions down together where their common Euclidean norm is above `maxNorm`.
 *
 * @throws a `ConfigError` when `maxNorm` is not above 0.
 * @see Pascanu et al. 2013, https://arxiv.org/abs/1211.5063
 */
export function clipByGlobalNorm(maxNorm: number): GradientTransform {
  checkNumber("maxNorm", maxNorm, { above: 0 });
  return {
    configuration: { clipByGlobalNorm: maxNorm },
    update: (updates, { gradients, scalar }) => {
      const norm = updates === gradients.updates ? gradients.norm : globalNorm(updates);
      // 1e-6 as in PyTorch's clip_grad_norm_, against a division by zero.
      const factor = tf.minimum(tf.div(scalar(maxNorm), tf.add(norm, scalar(1e-6))), scalar(1));
      return {
        updates: new Map(
          [...updates].map(([name, update]) => [name, { ...update, direction: tf.mul(update.direction, factor) }]),
        ),
      };
    },
  };
}

/** The Euclidean norm of all directions together. One sum over all values, so that its rounding is that of one vector. */
export function globalNorm(updates: Updates): tf.Scalar {
  const values = [...updates.values()].map(({ direction }) => tf.reshape(direction, [direction.size]) as tf.Tensor1D);
  return tf.sqrt(tf.sum(tf.square(tf.concat1d(values)))) as tf.Scalar;
}
