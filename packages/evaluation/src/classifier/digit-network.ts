import { type ForwardPass, Linear, Module, softmaxCrossEntropy } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { type AttributeNetwork, drawnAs } from "./attribute-network.js";
import type { AttributeLabels } from "./attribute-scores.js";
import type { AttributeClassifierConfig } from "./classifier-config.js";
import { ConvolutionBlock, type ConvolutionSize } from "./convolution-block.js";

/**
 * For images of a figure in one color on another: one trunk for shapes, one for colors, and one head an attribute.
 *
 * The shape trunk sees the contrast alone, so that it cannot recognize a digit by its colors; the color trunk sees coarse
 * patches of the image, with the contrast to tell which of them belong to the foreground.
 */
export class DigitNetwork extends Module implements AttributeNetwork {
  readonly shape: Trunk;
  readonly color: Trunk;
  /** By attribute. */
  readonly heads: Readonly<Record<string, Linear>>;
  readonly #names: readonly string[];
  readonly #width: number;

  constructor({
    height,
    width,
    channels,
    hiddenChannels,
    hiddenWidth: outputs,
    attributes,
  }: AttributeClassifierConfig) {
    super();
    const [first, second, third] = hiddenChannels as readonly [number, number, number];
    this.shape = new Trunk({
      name: "shape",
      height,
      width,
      convolutions: [
        { filter: 4, stride: 2, inputs: 1, outputs: first },
        { filter: 3, stride: 2, inputs: first, outputs: second },
        { filter: 3, stride: 1, inputs: second, outputs: third },
      ],
      outputs,
    });
    const color = { filter: 4, stride: 4, inputs: channels + 1, outputs: first };
    this.color = new Trunk({ name: "color", height, width, convolutions: [color], outputs });
    this.heads = Object.fromEntries(
      attributes.map(({ name, classes }) => {
        const weight = drawnAs(`heads.${name}.weight`, 2 * outputs, 1);
        return [name, new Linear({ inputs: 2 * outputs, outputs: classes, initial: { weight } })];
      }),
    );
    this.#names = attributes.map(({ name }) => name);
    this.#width = 2 * outputs;
  }

  get featureWidth(): number {
    return this.#width;
  }

  features(levels: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D {
    const foreground = contrast(levels);
    const colors = tf.concat<tf.Tensor4D>([tf.sub<tf.Tensor4D>(tf.mul(levels, 2), 1), foreground], 3);
    return tf.concat([this.shape.forward(foreground, pass), this.color.forward(colors, pass)], 1);
  }

  /** The features alone: its trunks see digits and their colors apart. */
  layers(levels: tf.Tensor4D, pass: ForwardPass): tf.Tensor[] {
    return [this.features(levels, pass)];
  }

  /** By attribute the labels, 0 where unknown; and where any of the batch is unknown, what each counts in the mean. */
  labelTensors(labels: AttributeLabels): tf.NamedTensorMap {
    const columns = this.#names.map((name) => Int32Array.from(labels[name]!));
    const truths = columns.map((column) =>
      tf.tensor1d(
        column.map((label) => Math.max(0, label)),
        "int32",
      ),
    );
    const tensors = Object.fromEntries(truths.map((truth, i) => [`truth.${i}`, truth]));
    if (columns.every((column) => column.every((label) => label >= 0))) {
      return tensors;
    }
    return { ...tensors, ...Object.fromEntries(columns.map((column, i) => [`weights.${i}`, weightsOfKnown(column)])) };
  }

  /** The metrics are the accuracies, by attribute. */
  loss(
    features: tf.Tensor2D,
    tensors: tf.NamedTensorMap,
  ): { readonly total: tf.Scalar; readonly metrics: Record<string, tf.Scalar> } {
    const metrics: Record<string, tf.Scalar> = {};
    const losses = this.#names.map((name, i) => {
      const logits = this.#logitsOf(features, name);
      const truth = tensors[`truth.${i}`] as tf.Tensor1D;
      const weights = tensors[`weights.${i}`];
      const mean = (values: tf.Tensor) =>
        (weights === undefined ? tf.mean(values) : tf.sum(tf.mul(values, weights))) as tf.Scalar;
      const correct = tf.equal(tf.argMax(logits, 1), truth);
      metrics[`${name}Accuracy`] = mean(tf.cast(correct, "float32"));
      return mean(softmaxCrossEntropy(logits, truth));
    });
    return { total: tf.addN(losses) as tf.Scalar, metrics };
  }

  logits(features: tf.Tensor2D): tf.Tensor2D {
    return tf.concat(
      this.#names.map((name) => this.#logitsOf(features, name)),
      1,
    );
  }

  classes(features: tf.Tensor2D): tf.Tensor2D {
    return tf.stack(this.#names.map((name) => tf.argMax(this.#logitsOf(features, name), 1))) as tf.Tensor2D;
  }

  #logitsOf(features: tf.Tensor2D, name: string): tf.Tensor2D {
    return this.heads[name]!.forward(features) as tf.Tensor2D;
  }
}

/** What each image counts in a mean over the images whose label is known, `[count]`; 0 where it is not. */
function weightsOfKnown(labels: Int32Array): tf.Tensor1D {
  const known = labels.reduce((count, label) => count + (label >= 0 ? 1 : 0), 0);
  return tf.tensor1d(Float32Array.from(labels, (label) => (label >= 0 ? 1 / known : 0)));
}

interface TrunkOptions {
  /** Its field in the network. */
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly convolutions: readonly ConvolutionSize[];
  /** Width of the last layer. */
  readonly outputs: number;
}

/** Convolution blocks, then one wide layer with ReLU: images to features. */
class Trunk extends Module {
  static override readonly paths = { blocks: "" };

  readonly blocks: readonly ConvolutionBlock[];
  readonly hidden: Linear;

  constructor({ name, height, width, convolutions, outputs }: TrunkOptions) {
    super();
    this.blocks = convolutions.map((size, i) => new ConvolutionBlock(`${name}.${i}`, size));
    const stride = convolutions.reduce((product, { stride }) => product * stride, 1);
    const inputs = Math.ceil(height / stride) * Math.ceil(width / stride) * convolutions.at(-1)!.outputs;
    this.hidden = new Linear({ inputs, outputs, initial: { weight: drawnAs(`${name}.hidden.weight`, inputs) } });
  }

  /**
   * @param images - `[batch, height, width, channels]`; borrowed.
   * @returns `[batch, outputs]`; belongs to the surrounding `tf.tidy`.
   */
  forward(images: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D {
    const maps = this.blocks.reduce((x, block) => block.forward(x, pass), images);
    const flat = tf.reshape(maps, [maps.shape[0], -1]); // [batch, height · width · channels]
    return tf.relu(this.hidden.forward(flat)) as tf.Tensor2D;
  }
}

/**
 * How much each pixel differs from the rest of its image, independent of the colors: with t = d² over its average, d
 * being the distance of a pixel's color from the image's mean color, t² / (t² + 1), scaled to [−1, 1). On an image of
 * two colors that is near 1 for the rarer color and near −1 for the other.
 *
 * @param levels - `[batch, height, width, channels]`, 0 to 1; borrowed.
 * @returns `[batch, height, width, 1]`; belongs to the surrounding `tf.tidy`.
 */
function contrast(levels: tf.Tensor4D): tf.Tensor4D {
  const distance = tf.sum(tf.square(tf.sub(levels, tf.mean(levels, [1, 2], true))), 3, true);
  // The constant gives an image of one color no contrast.
  const average = tf.add(tf.mean(distance, [1, 2], true), 1e-3);
  const squared = tf.square(tf.div(distance, average));
  return tf.sub<tf.Tensor4D>(tf.mul(tf.div(squared, tf.add(squared, 1)), 2), 1);
}
