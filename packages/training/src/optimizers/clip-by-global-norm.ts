import { checkNumber } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { applyElementwise } from "./elementwise.js";
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
      const clipped = applyElementwise(
        [...updates.values()].map(({ direction }) => [direction]),
        ([direction]) => [tf.mul(direction!, factor)],
      );
      return {
        updates: new Map([...updates].map(([name, update], i) => [name, { ...update, direction: clipped[i]![0]! }])),
      };
    },
  };
}

/** The Euclidean norm of all directions together: of each matrix a sum of squares, of all vectors one. */
export function globalNorm(updates: Updates): tf.Scalar {
  const directions = [...updates.values()].map(({ direction }) => direction);
  const vectors = directions.filter(({ rank }) => rank === 1) as tf.Tensor1D[];
  const summands = directions.filter(({ rank }) => rank !== 1);
  if (vectors.length > 0) {
    summands.push(tf.concat1d(vectors));
  }
  const sums = summands.map((summand) => tf.sum(tf.square(summand)));
  return tf.sqrt(tf.sum(tf.stack(sums))) as tf.Scalar;
}
