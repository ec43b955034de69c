import { checkNumber } from "@mmgen/core";
import { groupsEqualShapes } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { applyElementwise, chunks, groupsOf } from "./elementwise.js";
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

/** The Euclidean norm of all directions together. */
export function globalNorm(updates: Updates): tf.Scalar {
  const directions = [...updates.values()].map(({ direction }) => direction);
  const isGrouped = groupsEqualShapes();
  const sums = groupsOf(directions).map(({ places, join }) => {
    const squares = tf.square(join(places.map((place) => directions[place]!)));
    // A device adds up the rows of a matrix side by side.
    return tf.sum(isGrouped ? tf.sum(tf.reshape(squares, [places.length, squares.size / places.length]), 1) : squares);
  });
  return tf.sqrt(isGrouped ? total(sums) : tf.sum(tf.stack(sums))) as tf.Scalar;
}

/** The sum of scalars, of no more at once than a device joins as they are. */
function total(scalars: readonly tf.Tensor[]): tf.Tensor {
  return scalars.length === 1 ? scalars[0]! : total(chunks(scalars).map((some) => tf.sum(tf.stack(some))));
}
