import { ConfigError, describeValue } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { expectShape } from "../functions/expect-shape.js";
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
  return customGradient([x, scale, offset], {
    forward(x, scale, offset) {
      const statistics = groupStatistics(x, groups, epsilon);
      const { mean, inverseStd } = statistics;
      const slope = tf.mul(inverseStd, byGroup(scale, groups)); // [batch, groups, channels of a group]
      const shift = tf.sub(byGroup(offset, groups), tf.mul(mean, slope));
      const value = tf.add<tf.Tensor4D>(tf.mul(x, byImage(slope)), byImage(shift));
      return { value, saved: [x, scale, mean, inverseStd] };
    },
    gradient: (dy, saved) => gradients(dy, saved, groups),
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

/** Mean and 1/√(σ² + ε), `[batch, groups, 1]` each: first by channel, as large tensors are reduced over their places only. */
function groupStatistics(x: tf.Tensor4D, groups: number, epsilon: number) {
  const [batch, height, width, channels] = x.shape;
  const shape = [batch, groups, channels / groups];
  const average = (sums: tf.Tensor, count: number) => tf.mul(sums, 1 / Math.max(1, count));
  const channelMean = average(tf.sum(x, [1, 2], true), height * width); // [batch, 1, 1, channels]
  const squares = tf.sum(tf.square(tf.sub(x, channelMean)), [1, 2]);
  const means = tf.reshape(channelMean, shape);
  const mean = average(tf.sum(means, 2, true), channels / groups);
  // A group's variance: its channels' mean variance, and the variance of their means.
  const variances = tf.add(average(tf.reshape(squares, shape), height * width), tf.square(tf.sub(means, mean)));
  const variance = average(tf.sum(variances, 2, true), channels / groups);
  return { mean, inverseStd: tf.rsqrt(tf.add(variance, epsilon)) };
}

function gradients(
  dy: tf.Tensor4D,
  [x, scale, mean, inverseStd]: readonly [tf.Tensor4D, tf.Tensor1D, tf.Tensor, tf.Tensor],
  groups: number,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  return tf.tidy(() => {
    const [batch, , , channels] = x.shape;
    const shape = [batch, groups, channels / groups];
    const count = Math.max(1, x.size / Math.max(1, batch * groups));
    const sums = tf.reshape(tf.sum(dy, [1, 2]), shape); // of ∂y, by image and channel
    const products = tf.reshape(tf.sum(tf.mul(dy, x), [1, 2]), shape); // of ∂y · x
    const normalized = tf.mul(inverseStd, tf.sub(products, tf.mul(mean, sums))); // of ∂y · x̂
    const scales = byGroup(scale, groups);
    const meanGradient = tf.div(tf.sum(tf.mul(scales, sums), 2, true), count); // [batch, groups, 1]
    const meanProduct = tf.div(tf.sum(tf.mul(scales, normalized), 2, true), count);
    // ∂x is affine in ∂y and x, with slopes and a shift for each image and channel: two passes over the large tensors.
    const slope = tf.mul(inverseStd, scales);
    const xSlope = tf.mul(tf.square(inverseStd), tf.neg(meanProduct));
    const shift = tf.sub(tf.mul(inverseStd, tf.neg(meanGradient)), tf.mul(xSlope, mean));
    const ofChannels = (values: tf.Tensor) => byImage(tf.broadcastTo(values, shape));
    const dx = tf.add(tf.add(tf.mul(dy, byImage(slope)), tf.mul(x, ofChannels(xSlope))), ofChannels(shift));
    return [dx, tf.reshape(tf.sum(normalized, 0), [channels]), tf.reshape(tf.sum(sums, 0), [channels])];
  });
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
