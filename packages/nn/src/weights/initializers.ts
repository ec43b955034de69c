import type { Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";

/** Draws from N(0, standardDeviation²), float32; yours to dispose. */
export function normal(
  shape: readonly number[],
  { random, standardDeviation = 1 }: { readonly random: Random; readonly standardDeviation?: number },
): tf.Tensor {
  return tf.tensor(random.normals(sizeOf(shape), standardDeviation), [...shape], "float32");
}

/** Draws uniform in `[low, high)`, float32; yours to dispose. */
export function uniform(
  shape: readonly number[],
  { random, low, high }: { readonly random: Random; readonly low: number; readonly high: number },
): tf.Tensor {
  return tf.tensor(random.uniforms(sizeOf(shape), low, high), [...shape], "float32");
}

/**
 * Uniform in ±gain · √(3 / fanIn), so that a layer keeps the variance of what comes in.
 *
 * @param options - `fanIn`: inputs that each output sums over, `inputs` of a linear layer, `inChannels · height · width`
 *   of a convolution. `gain`: √2 before a ReLU, the default; 1/√3 is what PyTorch gives its linear and convolution layers.
 * @see He et al. 2015, https://arxiv.org/abs/1502.01852
 */
export function kaimingUniform(
  shape: readonly number[],
  { random, fanIn, gain = Math.SQRT2 }: { readonly random: Random; readonly fanIn: number; readonly gain?: number },
): tf.Tensor {
  const bound = gain * Math.sqrt(3 / fanIn);
  return uniform(shape, { random, low: -bound, high: bound });
}

/** N(0, gain² / fanIn); `fanIn` and `gain` as in {@link kaimingUniform}. */
export function kaimingNormal(
  shape: readonly number[],
  { random, fanIn, gain = Math.SQRT2 }: { readonly random: Random; readonly fanIn: number; readonly gain?: number },
): tf.Tensor {
  return normal(shape, { random, standardDeviation: gain / Math.sqrt(fanIn) });
}

/**
 * Uniform in ±√(6 / (fanIn + fanOut)), a compromise between keeping variance forward and backward.
 *
 * @see Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html
 */
export function glorotUniform(
  shape: readonly number[],
  { random, fanIn, fanOut }: { readonly random: Random; readonly fanIn: number; readonly fanOut: number },
): tf.Tensor {
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  return uniform(shape, { random, low: -bound, high: bound });
}

/**
 * An initializer of a `Parameter`: `value` throughout, float32.
 *
 * Made on the host, as every first value should be: one that is computed would be part of the first training step's
 * graph on a backend that records, which then compiles the step twice.
 */
export function filled(value: number): (shape: readonly number[]) => tf.Tensor {
  return (shape) => tf.tensor(new Float32Array(tf.util.sizeFromShape([...shape])).fill(value), [...shape]);
}

/**
 * A trainable variable holding what `initial` returns.
 *
 * `tf.variable(tf.zeros(…))` leaks the initial tensor outside a tidy; this does not.
 */
export function variable(initial: () => tf.Tensor, options: { readonly trainable?: boolean } = {}): tf.Variable {
  return tf.tidy(() => tf.variable(initial(), options.trainable ?? true));
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
