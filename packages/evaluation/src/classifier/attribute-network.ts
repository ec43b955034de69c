import { type ForwardPass, type Initializer, kaimingNormal, type Module } from "@mmgen/nn/layers";
import type * as tf from "@tensorflow/tfjs-core";
import type { AttributeLabels } from "./attribute-scores.js";

/** What an attribute classifier computes with: images to features to classes. */
export interface AttributeNetwork extends Module {
  /** Width of the features. */
  readonly featureWidth: number;
  /**
   * @param levels - Shares of the maximum level, `[batch, height, width, channels]`; borrowed.
   * @returns What the heads see, `[batch, featureWidth]`; belongs to the surrounding `tf.tidy`.
   */
  features(levels: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D;
  /**
   * What every layer sees, the features last; of the levels as {@link AttributeNetwork.features} takes them.
   *
   * @returns `[batch, …, channels]` each; the surrounding `tf.tidy`'s.
   */
  layers(levels: tf.Tensor4D, pass: ForwardPass): tf.Tensor[];
  /**
   * Labels of a batch as tensors for {@link AttributeNetwork.loss}; the caller's.
   *
   * @param labels - Checked, `count` by attribute; −1 where unknown.
   */
  labelTensors(labels: AttributeLabels, count: number): tf.NamedTensorMap;
  /**
   * The sum of the attributes' cross-entropies in nats, each a mean over the images whose label is known, and metrics.
   *
   * @param labels - Of {@link AttributeNetwork.labelTensors}; borrowed.
   * @returns The surrounding `tf.tidy`'s.
   */
  loss(
    features: tf.Tensor2D,
    labels: tf.NamedTensorMap,
  ): { readonly total: tf.Scalar; readonly metrics: Record<string, tf.Scalar> };
  /** Of all classes, attribute after attribute, `[batch, classes]`; belongs to the surrounding `tf.tidy`. */
  logits(features: tf.Tensor2D): tf.Tensor2D;
  /** The likeliest class of each attribute, `[attributes, batch]` int32; belongs to the surrounding `tf.tidy`. */
  classes(features: tf.Tensor2D): tf.Tensor2D;
}

/**
 * Kaiming normal values from a stream of the parameter's own, for `Module.initializeWeights` with shared streams.
 *
 * The stream is labeled with the parameter's name in British English, so that a seed gives the weights that it first gave.
 */
export function drawnAs(name: string, fanIn: number, gain = Math.SQRT2): Initializer {
  const label = name.replaceAll("color", "colour").replaceAll("Color", "Colour");
  return (shape, random) => kaimingNormal(shape, { random: random.fork(label), fanIn, gain });
}
