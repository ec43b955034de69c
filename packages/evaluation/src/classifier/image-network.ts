import {
  customGradient,
  type ForwardPass,
  Linear,
  Module,
  Parameter,
  silu,
  softmaxCrossEntropy,
} from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { type AttributeNetwork, drawnAs } from "./attribute-network.js";
import type { AttributeLabels } from "./attribute-scores.js";
import type { AttributeClassifierConfig } from "./classifier-config.js";
import { ConvolutionBlock } from "./convolution-block.js";

/**
 * For images of many colors: levels of convolutions, each at half the side of the one before, one narrow layer over all
 * positions of the last, and one head for all attributes.
 *
 * The layer over all positions knows where in the image something is, which a mean over positions would not.
 */
export class ImageNetwork extends Module implements AttributeNetwork {
  readonly levels: readonly Level[];
  readonly hidden: Linear;
  /** Logits of all classes, attribute after attribute. */
  readonly head: Linear;
  /** Of the padded logits, the class's place among those of the head; one past the last for padding. */
  readonly padded: Parameter<tf.Tensor1D>;
  /** Of the head's logits, the place among the padded ones. */
  readonly places: Parameter<tf.Tensor1D>;
  readonly #names: readonly string[];
  readonly #width: number;

  constructor({ height, width, channels, hiddenChannels, hiddenWidth, attributes }: AttributeClassifierConfig) {
    super();
    this.levels = hiddenChannels.map(
      (outputs, i) => new Level(`levels.${i}`, { inputs: hiddenChannels[i - 1] ?? channels, outputs, first: i === 0 }),
    );
    const stride = 2 ** hiddenChannels.length;
    const inputs = Math.ceil(height / stride) * Math.ceil(width / stride) * hiddenChannels.at(-1)!;
    this.hidden = new Linear({ inputs, outputs: hiddenWidth, initial: { weight: drawnAs("hidden.weight", inputs) } });
    const { padded, places } = padding(attributes.map(({ classes }) => classes));
    const headWeight = drawnAs("head.weight", hiddenWidth, 1);
    this.head = new Linear({ inputs: hiddenWidth, outputs: places.length, initial: { weight: headWeight } });
    this.padded = constant(padded);
    this.places = constant(places);
    this.#names = attributes.map(({ name }) => name);
    this.#width = hiddenWidth;
  }

  get featureWidth(): number {
    return this.#width;
  }

  features(levels: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D {
    return this.layers(levels, pass).at(-1) as tf.Tensor2D;
  }

  layers(levels: tf.Tensor4D, pass: ForwardPass): tf.Tensor[] {
    const maps: tf.Tensor4D[] = [];
    for (const level of this.levels) {
      maps.push(level.forward(maps.at(-1) ?? tf.sub(tf.mul(levels, 2), 1), pass));
    }
    const last = maps.at(-1)!;
    const flat = tf.reshape(last, [last.shape[0], -1]); // [batch, height · width · channels]
    return [...maps, silu(this.hidden.forward(flat))];
  }

  /** `truth` and `weights`, see {@link weighedLabels}, and how many attributes are known of any image. */
  labelTensors(labels: AttributeLabels, count: number): tf.NamedTensorMap {
    const columns = this.#names.map((name) => labels[name]!);
    const { attributes, truth, weights } = weighedLabels(columns, count);
    return {
      truth: tf.tensor1d(truth, "int32"),
      weights: tf.tensor1d(weights),
      attributes: tf.scalar(Math.max(1, attributes)),
    };
  }

  /** The metric is the mean of the attributes' accuracies. */
  loss(
    features: tf.Tensor2D,
    tensors: tf.NamedTensorMap,
  ): { readonly total: tf.Scalar; readonly metrics: Record<string, tf.Scalar> } {
    const { attributes, truth, weights } = tensors as Record<keyof ReturnType<typeof weighedLabels>, tf.Tensor1D>;
    const logits = this.#paddedLogits(features);
    const losses = softmaxCrossEntropy(logits, truth);
    const correct = tf.cast(tf.equal(tf.argMax(logits, 1), truth), "float32");
    const accuracy = tf.div(tf.sum(tf.mul(correct, weights)), attributes) as tf.Scalar;
    return { total: tf.sum(tf.mul(losses, weights)) as tf.Scalar, metrics: { accuracy } };
  }

  logits(features: tf.Tensor2D): tf.Tensor2D {
    return this.head.forward(features) as tf.Tensor2D;
  }

  classes(features: tf.Tensor2D): tf.Tensor2D {
    const likeliest = tf.argMax(this.#paddedLogits(features), 1);
    return tf.transpose(tf.reshape(likeliest, [features.shape[0], this.#names.length]));
  }

  /** `[batch · attributes, classes]`, classes that an attribute has not being improbable. */
  #paddedLogits(features: tf.Tensor2D): tf.Tensor2D {
    const logits = padClasses(this.logits(features), this.padded.value, this.places.value);
    const widest = this.padded.size / this.#names.length;
    return tf.reshape(logits, [features.shape[0] * this.#names.length, widest]);
  }
}

/** A convolution that halves the side, and below the first level a residual one that keeps it. */
class Level extends Module {
  readonly down: ConvolutionBlock;
  readonly residual: ConvolutionBlock | undefined;

  constructor(
    name: string,
    { inputs, outputs, first }: { readonly inputs: number; readonly outputs: number; readonly first: boolean },
  ) {
    super();
    this.down = new ConvolutionBlock(`${name}.down`, { filter: first ? 4 : 3, stride: 2, inputs, outputs });
    const same = { filter: 3, stride: 1, inputs: outputs, outputs };
    this.residual = first ? undefined : new ConvolutionBlock(`${name}.residual`, same);
  }

  forward(x: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
    const halved = this.down.forward(x, pass);
    return this.residual ? tf.add(halved, this.residual.forward(halved, pass)) : halved;
  }
}

/**
 * Lays the logits of all classes out so that every attribute has as many.
 *
 * @param logits - `[batch, classes]`.
 * @param padded - Place of each padded class among `classes`, or `classes` for padding; int32.
 * @param places - Place of each of the classes among the padded ones, `[classes]` int32.
 * @returns `[batch, padded classes]`; belongs to the surrounding `tf.tidy`.
 */
function padClasses(logits: tf.Tensor, padded: tf.Tensor1D, places: tf.Tensor1D): tf.Tensor {
  if (padded.size === places.size) {
    return logits;
  }
  return customGradient([logits], {
    forward: (logits) => {
      const improbable = tf.fill([logits.shape[0]!, 1], -1e9);
      return { value: tf.gather(tf.concat([logits, improbable], 1), padded, 1), saved: [places] };
    },
    gradient: (dy, [places]) => [tf.gather(dy, places as tf.Tensor1D, 1)],
  });
}

function padding(classes: readonly number[]): { readonly padded: Int32Array; readonly places: Int32Array } {
  const widest = Math.max(...classes);
  const total = classes.reduce((sum, count) => sum + count, 0);
  const padded = new Int32Array(classes.length * widest).fill(total);
  const places = new Int32Array(total);
  let next = 0;
  for (const [attribute, count] of classes.entries()) {
    for (let i = 0; i < count; i++) {
      padded[attribute * widest + i] = next;
      places[next++] = attribute * widest + i;
    }
  }
  return { padded, places };
}

function constant(values: Int32Array): Parameter<tf.Tensor1D> {
  const initial = () => tf.tensor1d(values, "int32");
  return new Parameter({ shape: [values.length], dtype: "int32", role: "constant", initial });
}

/**
 * Labels attribute by attribute as `[batch · attributes]`, 0 where unknown, with their weights: one over how many of the
 * attribute are known, 0 where unknown.
 */
function weighedLabels(
  columns: readonly ArrayLike<number>[],
  count: number,
): { readonly truth: Int32Array; readonly weights: Float32Array; readonly attributes: number } {
  const truth = new Int32Array(count * columns.length);
  const weights = new Float32Array(truth.length);
  let attributes = 0;
  for (const [attribute, column] of columns.entries()) {
    let known = 0;
    for (let i = 0; i < count; i++) {
      known += column[i]! >= 0 ? 1 : 0;
    }
    attributes += known > 0 ? 1 : 0;
    for (let i = 0; i < count; i++) {
      const at = i * columns.length + attribute;
      truth[at] = Math.max(0, column[i]!);
      weights[at] = column[i]! >= 0 ? 1 / known : 0;
    }
  }
  return { truth, weights, attributes };
}
