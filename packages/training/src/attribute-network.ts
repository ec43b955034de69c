import type { Random } from "@mmgen/core";
import { batchNorm, batchNormInference, conv2d, kaimingNormal, linear, variable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { AttributeClassifierConfig } from "./attribute-classifier-config.js";

/** Height and width of each convolution's filter, and how far it moves. */
const convolutions = [
  { side: 4, stride: 2 },
  { side: 3, stride: 2 },
  { side: 3, stride: 1 },
] as const;

/** The names of the batch norms' running figures, which are learned without gradients. */
const runningFigures = ["running_mean", "running_var"] as const;

/** Share of a batch's figures in the running ones, as in PyTorch. */
const momentum = 0.1;

/** Fresh weights, by PyTorch's names; convolutions in TensorFlow.js's layout. */
export function classifierVariables(
  config: AttributeClassifierConfig,
  random: Random,
): { variables: Map<string, tf.Variable>; state: Map<string, tf.Variable> } {
  const variables = new Map<string, tf.Variable>();
  const state = new Map<string, tf.Variable>();
  const drawn = (name: string, shape: number[], fanIn: number, gain?: number) =>
    variables.set(
      name,
      variable(() => kaimingNormal(shape, { random: random.fork(name), fanIn, ...(gain && { gain }) })),
    );
  const filled = (name: string, size: number, value: number) =>
    variables.set(
      name,
      variable(() => tf.fill([size], value)),
    );
  let channels = config.channels + 1; // the contrast
  for (const [i, { side }] of convolutions.entries()) {
    const out = config.hiddenChannels[i]!;
    drawn(`convolutions.${i}.weight`, [side, side, channels, out], side * side * channels);
    filled(`convolutions.${i}.bias`, out, 0);
    filled(`norms.${i}.weight`, out, 1);
    filled(`norms.${i}.bias`, out, 0);
    state.set(
      `norms.${i}.running_mean`,
      variable(() => tf.zeros([out]), { trainable: false }),
    );
    state.set(
      `norms.${i}.running_var`,
      variable(() => tf.ones([out]), { trainable: false }),
    );
    channels = out;
  }
  const features = gridSide(config.height) * gridSide(config.width) * channels;
  drawn("hidden.weight", [config.hiddenWidth, features], features);
  filled("hidden.bias", config.hiddenWidth, 0);
  for (const { name, classes } of config.attributes) {
    drawn(`heads.${name}.weight`, [classes, config.hiddenWidth], config.hiddenWidth, 1);
    filled(`heads.${name}.bias`, classes, 0);
  }
  return { variables, state };
}

/** The weights that files hold in another layout than memory. */
export function convolutionWeightNames(): string[] {
  return convolutions.map((_, i) => `convolutions.${i}.weight`);
}

/**
 * Contrast beside the colours, three convolutions with batch norm and ReLU, a wide layer, and one head an attribute.
 *
 * @param levels - `[batch, height, width, channels]`, 0 to 1; borrowed.
 * @param weights - Variables and state of {@link classifierVariables}, in one map.
 * @param training - Takes the batch's own figures for normalising, and gives them as `figures`, named as the state.
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
  let x = tf.concat<tf.Tensor4D>([tf.sub<tf.Tensor4D>(tf.mul(levels, 2), 1), contrast(levels)], 3);
  for (const [i, { stride }] of convolutions.entries()) {
    x = conv2d(x, weight(`convolutions.${i}.weight`), weight(`convolutions.${i}.bias`), { stride });
    const [scale, offset] = [weight<tf.Tensor1D>(`norms.${i}.weight`), weight<tf.Tensor1D>(`norms.${i}.bias`)];
    const [meanName, varianceName] = runningFigures.map((figure) => `norms.${i}.${figure}`) as [string, string];
    if (training) {
      const { output, mean, variance } = batchNorm(x, scale, offset);
      figures[meanName] = mean;
      figures[varianceName] = variance;
      x = output;
    } else {
      x = batchNormInference(x, scale, offset, weight(meanName), weight(varianceName));
    }
    x = tf.relu(x);
  }
  const flat = tf.reshape(x, [x.shape[0], -1]); // [batch, gridHeight · gridWidth · channels]
  const hidden = tf.relu(linear(flat, weight("hidden.weight"), weight("hidden.bias")));
  const logits = config.attributes.map(
    ({ name }) => linear(hidden, weight(`heads.${name}.weight`), weight(`heads.${name}.bias`)) as tf.Tensor2D,
  );
  return { logits, figures };
}

/**
 * How far each pixel's colour is from the picture's mean colour, squared, over the picture's average of that, minus 1.
 *
 * What stands out does so whatever its colour and its background's: shapes are learned several times sooner with it than
 * from the colours alone.
 *
 * @returns `[batch, height, width, 1]`.
 */
function contrast(levels: tf.Tensor4D): tf.Tensor4D {
  const distance = tf.sum(tf.square(tf.sub(levels, tf.mean(levels, [1, 2], true))), 3, true);
  // The constant keeps a picture of one colour at nothing standing out.
  return tf.sub<tf.Tensor4D>(tf.div(distance, tf.add(tf.mean(distance, [1, 2], true), 1e-3)), 1);
}

/** Moves the running figures towards those of a batch. */
export function updateRunningFigures(
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

/** Side of the last feature map, of an image's side. */
function gridSide(side: number): number {
  return convolutions.reduce((size, { stride }) => Math.ceil(size / stride), side);
}
