import type { Random } from "@mmgen/core";
import { batchNorm, batchNormInference, conv2d, kaimingNormal, linear, variable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { AttributeClassifierConfig } from "./attribute-classifier-config.js";

interface Convolution {
  readonly name: string;
  /** Height and width of the filter. */
  readonly side: number;
  readonly stride: number;
  readonly inChannels: number;
  readonly outChannels: number;
}

/** Share of a batch's figures in the running ones, as in PyTorch. */
const momentum = 0.1;

/**
 * The two trunks. Shapes are read off the contrast alone, so that no digit can be known by its colors; colors off
 * coarse patches of the image, the contrast telling which of them is in front.
 */
function trunks({ channels, hiddenChannels }: AttributeClassifierConfig): Record<"shape" | "color", Convolution[]> {
  const [first, second, third] = hiddenChannels;
  return {
    shape: [
      { name: "shape.0", side: 4, stride: 2, inChannels: 1, outChannels: first },
      { name: "shape.1", side: 3, stride: 2, inChannels: first, outChannels: second },
      { name: "shape.2", side: 3, stride: 1, inChannels: second, outChannels: third },
    ],
    color: [{ name: "color.0", side: 4, stride: 4, inChannels: channels + 1, outChannels: first }],
  };
}

/** Fresh weights, by PyTorch's names; convolutions in TensorFlow.js's layout. */
export function classifierVariables(
  config: AttributeClassifierConfig,
  random: Random,
): { variables: Map<string, tf.Variable>; state: Map<string, tf.Variable> } {
  const variables = new Map<string, tf.Variable>();
  const state = new Map<string, tf.Variable>();
  const draw = (name: string, shape: number[], fanIn: number, gain = Math.SQRT2) => {
    const initial = () => kaimingNormal(shape, { random: random.fork(name), fanIn, gain });
    variables.set(name, variable(initial));
  };
  const fill = (name: string, size: number, value: number) => {
    const initial = () => tf.fill([size], value);
    variables.set(name, variable(initial));
  };
  const keep = (name: string, size: number, value: number) => {
    const initial = () => tf.fill([size], value);
    state.set(name, variable(initial, { trainable: false }));
  };
  for (const [trunk, convolutions] of Object.entries(trunks(config))) {
    let [height, width, features] = [config.height, config.width, 0];
    for (const { name, side, stride, inChannels, outChannels } of convolutions) {
      draw(`${name}.convolution.weight`, [side, side, inChannels, outChannels], side * side * inChannels);
      fill(`${name}.convolution.bias`, outChannels, 0);
      fill(`${name}.norm.weight`, outChannels, 1);
      fill(`${name}.norm.bias`, outChannels, 0);
      keep(`${name}.norm.running_mean`, outChannels, 0);
      keep(`${name}.norm.running_var`, outChannels, 1);
      [height, width] = [Math.ceil(height / stride), Math.ceil(width / stride)];
      features = height * width * outChannels;
    }
    draw(`${trunk}.hidden.weight`, [config.hiddenWidth, features], features);
    fill(`${trunk}.hidden.bias`, config.hiddenWidth, 0);
  }
  for (const { name, classes } of config.attributes) {
    draw(`heads.${name}.weight`, [classes, 2 * config.hiddenWidth], 2 * config.hiddenWidth, 1);
    fill(`heads.${name}.bias`, classes, 0);
  }
  return { variables, state };
}

/** The weights that files hold in another layout than memory. */
export function convolutionWeightNames(config: AttributeClassifierConfig): string[] {
  return Object.values(trunks(config)).flatMap((trunk) => trunk.map(({ name }) => `${name}.convolution.weight`));
}

/**
 * Two trunks of convolutions with batch norm and ReLU, a wide layer on each, and one head an attribute on both.
 *
 * @param levels - `[batch, height, width, channels]`, 0 to 1; borrowed.
 * @param weights - Variables and state of {@link classifierVariables}, in one map.
 * @param training - Takes the batch's own figures for normalizing, and gives them as `figures`, named as the state.
 * @returns Logits of each attribute, `[batch, classes]`. Call it inside a tidy.
 */
export function classify(
  levels: tf.Tensor4D,
  weights: ReadonlyMap<string, tf.Tensor>,
  config: AttributeClassifierConfig,
  training: boolean,
): { logits: tf.Tensor2D[]; figures: Record<string, tf.Tensor> } {
  const weight = <T extends tf.Tensor>(name: string) => weights.get(name) as T;
  const figures: Record<string, tf.Tensor> = {};
  const standingOut = contrast(levels);
  const colors = tf.concat<tf.Tensor4D>([tf.sub<tf.Tensor4D>(tf.mul(levels, 2), 1), standingOut], 3);
  const read = Object.entries(trunks(config)).map(([trunk, convolutions]) => {
    let x = trunk === "shape" ? standingOut : colors;
    for (const { name, stride } of convolutions) {
      x = conv2d(x, weight(`${name}.convolution.weight`), weight(`${name}.convolution.bias`), { stride });
      const [scale, offset] = [weight<tf.Tensor1D>(`${name}.norm.weight`), weight<tf.Tensor1D>(`${name}.norm.bias`)];
      const [meanName, varianceName] = [`${name}.norm.running_mean`, `${name}.norm.running_var`];
      if (training) {
        const { output, mean, variance } = batchNorm(x, scale, offset);
        figures[meanName] = mean;
        figures[varianceName] = variance;
        x = tf.relu(output);
      } else {
        x = tf.relu(batchNormInference(x, scale, offset, weight(meanName), weight(varianceName)));
      }
    }
    const flat = tf.reshape(x, [x.shape[0], -1]); // [batch, height · width · channels]
    return tf.relu(linear(flat, weight(`${trunk}.hidden.weight`), weight(`${trunk}.hidden.bias`)));
  });
  const hidden = tf.concat(read, 1); // [batch, 2 · hiddenWidth]
  const logits = config.attributes.map(
    ({ name }) => linear(hidden, weight(`heads.${name}.weight`), weight(`heads.${name}.bias`)) as tf.Tensor2D,
  );
  return { logits, figures };
}

/**
 * What stands out of an image, whatever its color and its background's: with t = d² over its average, d being how far
 * a pixel's color is from the image's mean color, t² / (t² + 1), scaled to [−1, 1). On an image of two colors that
 * is near 1 for the rarer and near −1 for the other.
 *
 * @returns `[batch, height, width, 1]`.
 */
function contrast(levels: tf.Tensor4D): tf.Tensor4D {
  const distance = tf.sum(tf.square(tf.sub(levels, tf.mean(levels, [1, 2], true))), 3, true);
  // The constant keeps an image of one color at nothing standing out.
  const average = tf.add(tf.mean(distance, [1, 2], true), 1e-3);
  const squared = tf.square(tf.div(distance, average));
  return tf.sub<tf.Tensor4D>(tf.mul(tf.div(squared, tf.add(squared, 1)), 2), 1);
}

/** Moves the running figures toward those of a batch. */
export function updateRunningStatistics(
  state: ReadonlyMap<string, tf.Variable>,
  figures: Readonly<Record<string, tf.Tensor>>,
): void {
  tf.tidy(() => {
    for (const [name, figure] of Object.entries(figures)) {
      const running = state.get(name)!;
      running.assign(tf.add(tf.mul(running, 1 - momentum), tf.mul(figure, momentum)));
    }
  });
}
