import { ConfigError, describeValue } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { expectShape } from "../functions/expect-shape.js";
import { runFusedKernel } from "../functions/fused-kernel.js";
import { customGradient } from "../transforms/custom-gradient.js";

/** Options of {@link groupNorm}. */
export interface GroupNormOptions {
  /** Number of groups, a divisor of the channels; neighboring channels make a group. */
  readonly groups: number;
  /** Added to the variance; 1e-5 when absent. */
  readonly epsilon?: number;
}

/**
 * Normalizes each image's groups of channels to mean 0 and variance 1 over the group's values, then scales and shifts
 * each channel. An image's result does not depend on its batch.
 *
 * With x̂ = (x − μ)/√(σ² + ε) over the m values of a group and g = γ∂y, output = γx̂ + β and
 * ∂x = (g − mean(g) − x̂ · mean(g · x̂))/√(σ² + ε).
 *
 * @param x - `[batch, height, width, channels]`, float32; borrowed.
 * @param scale - γ, `[channels]`; borrowed.
 * @param offset - β, `[channels]`; borrowed.
 * @returns Shaped as `x`; yours to dispose.
 * @throws a `ShapeError` when the channels differ; a {@link ConfigError} when `groups` does not divide them.
 * @see Wu and He 2018, https://arxiv.org/abs/1803.08494
 */
export function groupNorm(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  { groups, epsilon = 1e-5 }: GroupNormOptions,
): tf.Tensor4D {
  expectShape("groupNorm: x", x, ["batch", "height", "width", "channels"]);
  const channels = x.shape[3];
  expectShape("groupNorm: scale", scale, [channels]);
  expectShape("groupNorm: offset", offset, [channels]);
  checkGroups("groupNorm", groups, channels);
  const attributes = { groups, epsilon };
  return customGradient([x, scale, offset], {
    forward(x, scale, offset) {
      const fused = runFusedKernel("MmgenGroupNorm", { x, scale, offset }, attributes);
      const [value, centered, inverseStd] = fused ?? forward(x, scale, offset, attributes);
      return { value: value as tf.Tensor4D, saved: [centered!, scale, inverseStd!] };
    },
    gradient(dy, [centered, scale, inverseStd]) {
      const inputs = { dy, centered, scale, inverseStd };
      const fused = runFusedKernel("MmgenGroupNormGrad", inputs, attributes) as Gradients | undefined;
      return fused ?? tf.tidy(() => gradients(inputs, groups));
    },
  });
}

/** Throws {@link ConfigError} unless `channels` fall into that many equal groups. */
export function checkGroups(name: string, groups: number, channels: number): void {
  if (!(Number.isInteger(groups) && groups > 0 && channels % groups === 0)) {
    throw new ConfigError(
      `${name}: expected groups to be a divisor of the ${channels} channels, got ${describeValue(groups)}.`,
    );
  }
}

/**
 * The result, and what its gradient reads: `x` less its group's mean; 1/√(σ² + ε), `[batch, groups, 1]`. Large tensors are
 * reduced over their places only.
 */
function forward(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  { groups, epsilon }: Required<GroupNormOptions>,
) {
  const { shape, count } = geometry(x, groups);
  const average = (sums: tf.Tensor) => tf.mul(tf.sum(tf.reshape(sums, shape), 2, true), 1 / count); // [batch, groups, 1]
  const mean = average(tf.sum(x, [1, 2]));
  const centered = tf.sub(x, byImage(tf.broadcastTo(mean, shape)));
  const variance = average(tf.sum(tf.square(centered), [1, 2]));
  const inverseStd = tf.rsqrt(tf.add(variance, epsilon));
  const slope = tf.mul(inverseStd, byGroup(scale, groups)); // [batch, groups, channels of a group]
  return [tf.add(tf.mul(centered, byImage(slope)), offset), centered, inverseStd] as const;
}

type Gradients = [x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor];

interface GradientInputs {
  readonly dy: tf.Tensor4D;
  readonly centered: tf.Tensor;
  readonly scale: tf.Tensor1D;
  readonly inverseStd: tf.Tensor;
}

function gradients({ dy, centered, scale, inverseStd }: GradientInputs, groups: number): Gradients {
  const { shape, count } = geometry(dy, groups);
  const sums = tf.reshape(tf.sum(dy, [1, 2]), shape); // of ∂y, by image and channel
  const products = tf.mul(inverseStd, tf.reshape(tf.sum(tf.mul(dy, centered), [1, 2]), shape)); // of ∂y · x̂
  const scales = byGroup(scale, groups);
  const mean = (values: tf.Tensor) => tf.mul(tf.sum(tf.mul(scales, values), 2, true), 1 / count); // [batch, groups, 1]
  // ∂x is affine in ∂y and x, with slopes and a shift for each image and channel: two passes over the large tensors.
  const slope = tf.mul(inverseStd, scales);
  const xSlope = tf.mul(tf.square(inverseStd), tf.neg(mean(products)));
  const shift = tf.mul(inverseStd, tf.neg(mean(sums)));
  const ofGroup = (values: tf.Tensor) => byImage(tf.broadcastTo(values, shape));
  const ofX = tf.add(tf.mul(centered, ofGroup(xSlope)), ofGroup(shift));
  const dx = tf.add(tf.mul(dy, byImage(slope)), ofX);
  return [dx, ...([products, sums].map((each) => tf.reshape(tf.sum(each, 0), [scale.size])) as [tf.Tensor, tf.Tensor])];
}

function geometry({ shape: [batch, height, width, channels] }: tf.Tensor4D, groups: number) {
  const size = channels / groups;
  // At least 1, so that means of no places are 0.
  return { shape: [batch, groups, size], count: Math.max(1, height * width * size) };
}

/** `[channels]` → `[1, groups, channels of a group]`. */
function byGroup(values: tf.Tensor1D, groups: number): tf.Tensor {
  return tf.reshape(values, [1, groups, values.size / groups]);
}

/** `[batch, groups, channels of a group]` → `[batch, 1, 1, channels]`. */
function byImage(values: tf.Tensor): tf.Tensor {
  const [batch, groups, size] = values.shape as [number, number, number];
  return tf.reshape(values, [batch, 1, 1, groups * size]);
}
