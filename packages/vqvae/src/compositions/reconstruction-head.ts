import { type ConfigOf, fields, number, optional } from "@mmgen/core/options";
import { customGradient, softmaxCrossEntropy } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";

/**
 * `regression`: levels are numbers, squared (or absolute) error on [−1, 1]. `sigmoid`: the same on [0, 1], of the sigmoid of the
 * output. `categorical`: each level is a class, cross-entropy in nats.
 */
export type ReconstructionHeadName = (typeof reconstructionHeadNames)[number];

export const reconstructionHeadNames = ["regression", "sigmoid", "categorical"] as const;

export const reconstructionSchema = fields({
  /** Weight of the absolute error. Default: 0. */
  l1: optional(number({ min: 0 }), 0),
  /** Weight of the squared error. Default: 1. */
  squared: optional(number({ min: 0 }), 1),
});

/** Weights of the errors that a reconstruction loss is made of. */
export type ReconstructionWeights = ConfigOf<typeof reconstructionSchema>;

/** How the decoder's output becomes levels, and its loss against them. */
export interface ReconstructionHead {
  /** Values per pixel of the decoder's output. */
  readonly outputChannels: number;
  /** Levels as the encoder of a whole image sees them, float32. */
  pixels(levels: tf.Tensor4D): tf.Tensor4D;
  /**
   * Mean loss per pixel and channel.
   *
   * @param output - `[batch, height, width, outputChannels]`; borrowed.
   * @param levels - `[batch, height, width, channels]`, int32; borrowed.
   */
  loss(output: tf.Tensor4D, levels: tf.Tensor4D): tf.Scalar;
  /** The likeliest levels, `[batch, height, width, channels]`, int32, within the image range. */
  levels(output: tf.Tensor4D): tf.Tensor4D;
  /** A flat color as an input of {@link ReconstructionHead.mixed}, `[outputChannels]`. */
  flat(color: FlatColor): number[];
  /**
   * The output of pixels that show `upper` with probability `share`, else `lower`.
   *
   * @param upper - One color per image, of {@link ReconstructionHead.flat}, `[batch, 1, 1, outputChannels]`; borrowed.
   * @param lower - The same.
   * @param share - In [0, 1], `[batch, height, width, 1]`; borrowed.
   */
  mixed(upper: tf.Tensor4D, lower: tf.Tensor4D, share: tf.Tensor4D): tf.Tensor4D;
}

/** A color, and how far a pixel of that color may be from it. */
export interface FlatColor {
  /** `[channels]`, in [−1, 1]. */
  readonly pixel: readonly number[];
  /** Distance between neighboring colors of the palette, in levels. */
  readonly spacing: number;
}

/** With more levels a level says more about its neighbors than a class can. */
const maxCategoricalValue = 15;

/** Explains what is wrong with a head for levels up to `maxValue`; `undefined` if nothing. */
export function explainHead(head: ReconstructionHeadName, maxValue: number): string | undefined {
  return head === "categorical" && maxValue > maxCategoricalValue
    ? `"categorical" has a class for each level and takes maxValue up to ${maxCategoricalValue}, got ${maxValue}. ` +
        'Take "regression".'
    : undefined;
}

/** Explains what is wrong with the weights of a head's loss; `undefined` if nothing. */
export function explainReconstruction(
  head: ReconstructionHeadName,
  { l1, squared }: ReconstructionWeights,
): string | undefined {
  if (l1 === 0 && squared === 0) {
    return "expected a weight above 0, got l1 0 and squared 0. Leave one of them out.";
  }
  return head === "categorical" && !(l1 === 0 && squared === 1)
    ? `the loss of the head "categorical" is cross-entropy; leave it out, or take "regression". Got l1 ${l1} and squared ${squared}.`
    : undefined;
}

/** Creates a head by its name. */
export function reconstructionHead(
  name: ReconstructionHeadName,
  { channels, maxValue }: HeadImages,
  weights: ReconstructionWeights = { l1: 0, squared: 1 },
): ReconstructionHead {
  const heads = { regression: regressionHead, sigmoid: sigmoidHead, categorical: categoricalHead };
  return heads[name](channels, maxValue, weights);
}

/** Channels of the images, and the largest level of one. */
interface HeadImages {
  readonly channels: number;
  readonly maxValue: number;
}

/**
 * mean l1 · |x − y| + squared · (x − y)².
 *
 * @param output - x; borrowed.
 * @param target - y, shaped as `output`, without gradient; borrowed.
 */
function pixelLoss(output: tf.Tensor4D, target: tf.Tensor4D, { l1, squared }: ReconstructionWeights): tf.Scalar {
  if (l1 === 0) {
    const loss = tf.mean<tf.Scalar>(tf.squaredDifference(output, target));
    return squared === 1 ? loss : tf.mul(loss, squared);
  }
  return customGradient([output], {
    forward(output) {
      const difference = tf.sub(output, target);
      const absolute = tf.abs(difference);
      const each = squared === 0 ? absolute : tf.add(absolute, tf.mul(tf.square(difference), squared / l1));
      return { value: tf.mul(tf.mean<tf.Scalar>(each), l1), saved: [difference] };
    },
    gradient(dy, [difference]) {
      const slopes = tf.add(tf.mul(tf.sign(difference), l1), tf.mul(difference, 2 * squared));
      return [tf.mul(slopes, tf.div(dy, difference.size))];
    },
  });
}

/** Levels as x / (maxValue / 2) − 1, in [−1, 1], float32. */
export function levelsToPixels(levels: tf.Tensor4D, maxValue: number): tf.Tensor4D {
  return tf.sub(tf.mul(tf.cast(levels, "float32"), 2 / maxValue), 1);
}

function regressionHead(channels: number, maxValue: number, weights: ReconstructionWeights): ReconstructionHead {
  return {
    outputChannels: channels,
    pixels: (levels) => levelsToPixels(levels, maxValue),
    loss: (output, levels) => pixelLoss(output, levelsToPixels(levels, maxValue), weights),
    levels: (output) =>
      tf.cast(tf.clipByValue(tf.round(tf.mul(tf.add(output, 1), maxValue / 2)), 0, maxValue), "int32") as tf.Tensor4D,
    flat: ({ pixel }) => [...pixel],
    mixed,
  };
}

function sigmoidHead(channels: number, maxValue: number, weights: ReconstructionWeights): ReconstructionHead {
  const pixels = (levels: tf.Tensor4D): tf.Tensor4D => tf.mul(tf.cast(levels, "float32"), 1 / maxValue);
  return {
    outputChannels: channels,
    pixels,
    loss: (output, levels) => pixelLoss(tf.sigmoid(output), pixels(levels), weights),
    levels: (output) => tf.cast(tf.round(tf.mul(tf.sigmoid(output), maxValue)), "int32") as tf.Tensor4D,
    flat: ({ pixel }) => pixel.map((value) => (value + 1) / 2),
    mixed(upper, lower, share) {
      // The logit of 0 and of 1 is infinite; a quarter of a level of 255 away still rounds to them.
      const value = tf.clipByValue(mixed(upper, lower, share), 1e-3, 1 - 1e-3);
      return tf.log(tf.div(value, tf.sub(1, value))) as tf.Tensor4D;
    },
  };
}

function categoricalHead(channels: number, maxValue: number): ReconstructionHead {
  const classes = maxValue + 1;
  return {
    outputChannels: channels * classes,
    pixels: (levels) => levelsToPixels(levels, maxValue),
    loss: (output, levels) => tf.mean(softmaxCrossEntropy(tf.reshape(output, [-1, classes]), tf.reshape(levels, [-1]))),
    levels(output) {
      const [batch, height, width] = output.shape;
      return tf.cast(
        tf.argMax(tf.reshape(output, [batch, height, width, channels, classes]), 4),
        "int32",
      ) as tf.Tensor4D;
    },
    flat: ({ pixel, spacing }) => pixel.flatMap((value) => levelShares(((value + 1) / 2) * maxValue, spacing, classes)),
    // Log-probabilities are logits.
    mixed: (upper, lower, share) => tf.log(mixed(upper, lower, share)),
  };
}

function mixed(upper: tf.Tensor4D, lower: tf.Tensor4D, share: tf.Tensor4D): tf.Tensor4D {
  return tf.add(lower, tf.mul(share, tf.sub(upper, lower)));
}

/** Share of a flat color's pixels at arbitrary levels, so that no level is impossible. */
const strayShare = 1e-3;

/** Probability of each level where a channel is near `level`: a bell as wide as the palette is coarse, plus strays. */
function levelShares(level: number, spacing: number, classes: number): number[] {
  // At one spacing's distance a level is e⁻⁷, a thousandth, as likely.
  const bell = Array.from({ length: classes }, (_, at) => Math.exp(-7 * ((at - level) / Math.max(1, spacing)) ** 2));
  const total = bell.reduce((sum, share) => sum + share, 0);
  return bell.map((share) => (1 - strayShare) * (share / total) + strayShare / classes);
}
