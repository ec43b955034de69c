import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { expectShape } from "../functions/expect-shape.js";
import { runFusedKernel } from "../functions/fused-kernel.js";
import { customGradient } from "../transforms/custom-gradient.js";

/** Options of {@link layerNorm}. */
export interface LayerNormOptions {
  /** Added to the variance; 1e-5 when absent. */
  readonly epsilon?: number;
}

/**
 * Normalizes the last axis to mean 0 and variance 1, then scales and, with a bias, shifts it; closed-form gradient.
 *
 * @param x - `[…, width]`, float32; borrowed.
 * @param scale - `[width]`; borrowed.
 * @param bias - `[width]`; borrowed. Absent: none is added.
 * @returns shaped as `x`; yours to dispose.
 * @throws a {@link ShapeError} when the widths differ.
 * @see Ba et al. 2016, https://arxiv.org/abs/1607.06450
 */
export function layerNorm(x: tf.Tensor, scale: tf.Tensor, bias?: tf.Tensor, options: LayerNormOptions = {}): tf.Tensor {
  const { epsilon = 1e-5 } = options;
  const width = x.shape.at(-1);
  if (width === undefined) {
    throw new ShapeError("layerNorm: x is a scalar; expected at least one axis to normalize.");
  }
  expectShape("layerNorm: scale", scale, [width]);
  if (bias) {
    expectShape("layerNorm: bias", bias, [width]);
  }

  return customGradient([x, scale, bias], {
    forward(x, scale, bias) {
      const [value, mean, inverseStd] = forward(x, scale, bias, epsilon);
      return { value, saved: [x, scale, mean, inverseStd] };
    },
    gradient,
  });
}

function forward(x: tf.Tensor, scale: tf.Tensor, bias: tf.Tensor | undefined, epsilon: number) {
  const fused = runFusedKernel("MmgenLayerNorm", { x, scale, ...(bias && { bias }) }, { epsilon });
  if (fused) {
    return fused as [tf.Tensor, tf.Tensor, tf.Tensor];
  }
  const mean = tf.mean(x, -1, true); // […, 1]
  const centered = tf.sub(x, mean);
  const inverseStd = tf.rsqrt(tf.add(tf.mean(tf.square(centered), -1, true), epsilon)); // […, 1]
  const scaled = tf.mul(tf.mul(centered, inverseStd), scale);
  return [bias ? tf.add(scaled, bias) : scaled, mean, inverseStd] as const;
}

/** Of x, scale and bias. */
function gradient(
  dy: tf.Tensor,
  [x, scale, mean, inverseStd]: readonly [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor],
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  const fused = runFusedKernel("MmgenLayerNormGrad", { dy, x, scale, mean, inverseStd });
  if (fused) {
    return fused as [tf.Tensor, tf.Tensor, tf.Tensor];
  }
  const width = scale.size;
  const normalized = tf.mul(tf.sub(x, mean), inverseStd);
  const dNormalized = tf.mul(dy, scale);
  // dx = inverseStd · (g − mean(g) − x̂ · mean(g · x̂)), g the gradient of x̂.
  const dx = tf.mul(
    tf.sub(
      tf.sub(dNormalized, tf.mean(dNormalized, -1, true)),
      tf.mul(normalized, tf.mean(tf.mul(dNormalized, normalized), -1, true)),
    ),
    inverseStd,
  );
  const dScale = tf.sum(tf.reshape(tf.mul(dy, normalized), [-1, width]), 0);
  const dBias = tf.sum(tf.reshape(dy, [-1, width]), 0);
  return [dx, dScale, dBias];
}
