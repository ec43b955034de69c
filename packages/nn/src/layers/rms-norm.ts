import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { expectShape } from "../functions/expect-shape.js";
import { runFusedKernel } from "../functions/fused-kernel.js";
import { customGradient } from "../transforms/custom-gradient.js";

/** Options of {@link rmsNorm}. */
export interface RmsNormOptions {
  /** Added to the mean square; 1e-5 when absent. */
  readonly epsilon?: number;
}

/**
 * Divides the last axis by its root mean square, then scales it: a layer norm that neither centers nor shifts;
 * closed-form gradient.
 *
 * With r = 1/√(mean(x²) + ε), x̂ = x · r and g = scale · ∂y, ∂x = r · (g − x̂ · mean(g · x̂)).
 *
 * @param x - `[…, width]`, float32; borrowed.
 * @param scale - `[width]`; borrowed.
 * @returns Shaped as `x`; yours to dispose.
 * @throws a {@link ShapeError} when the widths differ.
 * @see Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467
 */
export function rmsNorm(x: tf.Tensor, scale: tf.Tensor, options: RmsNormOptions = {}): tf.Tensor {
  const { epsilon = 1e-5 } = options;
  const width = x.shape.at(-1);
  if (width === undefined) {
    throw new ShapeError("rmsNorm: x is a scalar; expected at least one axis to normalize.");
  }
  expectShape("rmsNorm: scale", scale, [width]);

  return customGradient([x, scale], {
    forward(x, scale) {
      const [value, inverseRms] = forward(x, scale, epsilon);
      return { value, saved: [x, scale, inverseRms] };
    },
    gradient,
  });
}

function forward(x: tf.Tensor, scale: tf.Tensor, epsilon: number): readonly [value: tf.Tensor, inverseRms: tf.Tensor] {
  const fused = runFusedKernel("MmgenRmsNorm", { x, scale }, { epsilon });
  if (fused) {
    return fused as [tf.Tensor, tf.Tensor];
  }
  const inverseRms = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon)); // […, 1]
  return [tf.mul(tf.mul(x, inverseRms), scale), inverseRms];
}

/** Of x and scale. */
function gradient(
  dy: tf.Tensor,
  [x, scale, inverseRms]: readonly [tf.Tensor, tf.Tensor, tf.Tensor],
): [tf.Tensor, tf.Tensor] {
  const fused = runFusedKernel("MmgenRmsNormGrad", { dy, x, scale, inverseRms });
  if (fused) {
    return fused as [tf.Tensor, tf.Tensor];
  }
  const normalized = tf.mul(x, inverseRms);
  const products = tf.mul(dy, normalized);
  const along = tf.mean(tf.mul(products, scale), -1, true); // […, 1]
  const dx = tf.mul(tf.sub(tf.mul(dy, scale), tf.mul(normalized, along)), inverseRms);
  return [dx, tf.sum(tf.reshape(products, [-1, scale.size]), 0)];
}
