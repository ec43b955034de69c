import {
  BatchNorm2d,
  Convolution2d,
  type ForwardPass,
  type Initializer,
  kaimingNormal,
  Linear,
  Module,
} from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";

/** Size of one {@link ConvolutionBlock}. */
export interface ConvolutionSize {
  /** Height and width of the filter. */
  readonly filter: number;
  readonly stride: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** Options of {@link Trunk}. */
export interface TrunkOptions {
  /** Its field in the classifier. */
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly convolutions: readonly ConvolutionSize[];
  /** Width of the last layer. */
  readonly outputs: number;
}

/** Convolution blocks, then one wide layer with ReLU: images to features. */
export class Trunk extends Module {
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

/** A convolution with batch norm and ReLU. */
class ConvolutionBlock extends Module {
  readonly convolution: Convolution2d;
  readonly norm: BatchNorm2d;

  constructor(name: string, { filter, stride, inputs, outputs }: ConvolutionSize) {
    super();
    const weight = drawnAs(`${name}.convolution.weight`, filter * filter * inputs);
    this.convolution = new Convolution2d({ inputs, outputs, filter, stride, initial: { weight } });
    this.norm = new BatchNorm2d({ channels: outputs, runningVariance: "biased" });
  }

  forward(x: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
    return tf.relu(this.norm.forward(this.convolution.forward(x), pass));
  }
}

/**
 * Kaiming normal values from a stream of the parameter's own, for {@link Module.initializeWeights} with shared streams.
 *
 * The stream is labeled with the parameter's name in British English, so that a seed gives the weights that it first gave.
 */
export function drawnAs(name: string, fanIn: number, gain = Math.SQRT2): Initializer {
  const label = name.replaceAll("color", "colour").replaceAll("Color", "Colour");
  return (shape, random) => kaimingNormal(shape, { random: random.fork(label), fanIn, gain });
}

/**
 * How much each pixel differs from the rest of its image, independent of the colors: with t = d² over its average, d
 * being the distance of a pixel's color from the image's mean color, t² / (t² + 1), scaled to [−1, 1). On an image of
 * two colors that is near 1 for the rarer color and near −1 for the other.
 *
 * @param levels - `[batch, height, width, channels]`, 0 to 1; borrowed.
 * @returns `[batch, height, width, 1]`; belongs to the surrounding `tf.tidy`.
 */
export function contrast(levels: tf.Tensor4D): tf.Tensor4D {
  const distance = tf.sum(tf.square(tf.sub(levels, tf.mean(levels, [1, 2], true))), 3, true);
  // The constant gives an image of one color no contrast.
  const average = tf.add(tf.mean(distance, [1, 2], true), 1e-3);
  const squared = tf.square(tf.div(distance, average));
  return tf.sub<tf.Tensor4D>(tf.mul(tf.div(squared, tf.add(squared, 1)), 2), 1);
}
