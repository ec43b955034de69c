import {
  CheckpointError,
  ConfigError,
  checkImageBatch,
  type ImageBatch,
  type LossOptions,
  type LossResult,
  Random,
  readSafetensors,
  ShapeError,
  sliceImages,
} from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import { assignSafetensors, convolutionFileLayout, softmaxCrossEntropy, weightsToSafetensors } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import {
  type AttributeClassifierConfig,
  type AttributeClassifierOptions,
  completeClassifierConfig,
  parseClassifierConfig,
} from "./attribute-classifier-config.js";
import { classifierVariables, classify, convolutionWeightNames, updateRunningStatistics } from "./attribute-network.js";
import type { AttributeBatch, AttributeLabels } from "./attribute-scores.js";

const format = "mmgen.attribute-classifier";
/** Images that go through the network at once in `predict`. */
const predictionBatch = 256;

/**
 * A small convolutional network that reads attributes off images: a trunk for shapes, one for colors, one head an attribute.
 *
 * Trained on real images with `train`, it gives generated ones a score. It holds weights: dispose it.
 */
export class AttributeClassifier<Name extends string = string>
  implements TensorTrainable<AttributeBatch<Name>, tf.NamedTensorMap>
{
  readonly config: AttributeClassifierConfig<Name>;
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  /** Running figures of the batch norms. */
  readonly buffers: ReadonlyMap<string, tf.Variable>;
  #disposed = false;

  private constructor(config: AttributeClassifierConfig<Name>, random: Random) {
    this.config = config;
    const { variables, state } = classifierVariables(config, random);
    this.parameters = variables;
    this.buffers = state;
  }

  /**
   * A classifier with fresh weights.
   *
   * @throws a {@link ConfigError} when a field is out of range.
   */
  static create<const Name extends string>(
    options: AttributeClassifierOptions<Name>,
    { random }: { readonly random: Random },
  ): AttributeClassifier<Name> {
    return new AttributeClassifier(completeClassifierConfig(options), random);
  }

  /**
   * The classifier of a file written by {@link AttributeClassifier.toSafetensors}.
   *
   * @throws a {@link CheckpointError} when the bytes are damaged or of another model.
   */
  static fromSafetensors(bytes: Uint8Array): AttributeClassifier {
    const content = readSafetensors(bytes);
    if (content.metadata.format !== format) {
      throw new CheckpointError(
        `Expected an attribute classifier (format ${format}), got ${content.metadata.format ?? "a file without a format"}.`,
      );
    }
    const model = new AttributeClassifier(parseClassifierConfig(content.metadata.config), Random.fromSeed(0));
    try {
      assignSafetensors(model.#weights(), content, { layouts: fileLayouts(model.config) });
    } catch (error) {
      model.dispose();
      throw error;
    }
    return model;
  }

  /** Weights, running figures and configuration as one safetensors file, with PyTorch's names and layouts. */
  async toSafetensors(): Promise<Uint8Array> {
    this.#checkUsable();
    const metadata = { format, config: JSON.stringify(this.config) };
    return weightsToSafetensors(this.#weights(), { metadata, layouts: fileLayouts(this.config) });
  }

  /**
   * Sum of the heads' cross-entropies, each a mean over the batch, in nats; the metrics are the shares read right.
   *
   * @throws a {@link ShapeError} when the images are of another shape or a label is no class.
   */
  loss(
    { images, labels }: AttributeBatch<Name>,
    { training }: Pick<LossOptions, "training">,
  ): LossResult<tf.Scalar, tf.NamedTensorMap> {
    this.#checkImages(images);
    this.#checkLabels(labels, images.count);
    const { logits, figures } = classify(upload(images), this.#weights(), this.config, training);
    const metrics: Record<string, tf.Scalar> = {};
    const losses = this.config.attributes.map(({ name }, head) => {
      const truth = tf.tensor1d(Int32Array.from(labels[name]), "int32");
      const right = tf.equal(tf.argMax(logits[head]!, 1), truth);
      metrics[`${name}Accuracy`] = tf.mean(tf.cast(right, "float32")) as tf.Scalar;
      return tf.mean(softmaxCrossEntropy(logits[head]!, truth)) as tf.Scalar;
    });
    return { total: tf.addN(losses) as tf.Scalar, metrics, aux: figures };
  }

  /** Updates the running figures. */
  afterStep(figures: tf.NamedTensorMap): void {
    updateRunningStatistics(this.buffers, figures);
  }

  /**
   * The likeliest class of each attribute in each image.
   *
   * @param images - Of the configured shape; borrowed.
   * @returns `[count]` by attribute.
   * @throws a {@link ShapeError} when the images are of another shape or range.
   */
  async predict(images: ImageBatch): Promise<Record<Name, Int32Array>> {
    this.#checkImages(images);
    checkImageBatch(images);
    const { attributes } = this.config;
    const classes = attributes.map(({ name }) => [name, new Int32Array(images.count)] as const);
    for (let start = 0; start < images.count; start += predictionBatch) {
      const batch = sliceImages(images, start, Math.min(start + predictionBatch, images.count));
      const likeliest = tf.tidy(() => {
        const { logits } = classify(upload(padded(batch)), this.#weights(), this.config, false);
        return tf.stack(logits.map((head) => tf.argMax(head, 1))); // [attributes, batch]
      });
      const values = await likeliest.data();
      const rows = likeliest.shape[1]!;
      likeliest.dispose();
      for (const [head, [, row]] of classes.entries()) {
        row.set(values.subarray(head * rows, head * rows + batch.count), start);
      }
    }
    return Object.fromEntries(classes) as Record<Name, Int32Array>;
  }

  /** Frees the weights; safe to call twice. */
  dispose(): void {
    if (!this.#disposed) {
      this.#disposed = true;
      tf.dispose([...this.#weights().values()]);
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #weights(): Map<string, tf.Variable> {
    return new Map([...this.parameters, ...this.buffers]);
  }

  #checkUsable(): void {
    if (this.#disposed) {
      throw new ConfigError("This AttributeClassifier is disposed; create or load another.");
    }
  }

  #checkImages(images: ImageBatch): void {
    this.#checkUsable();
    for (const axis of ["height", "width", "channels", "maxValue"] as const) {
      if (images[axis] !== this.config[axis]) {
        throw new ShapeError(`images: this classifier reads ${axis} ${this.config[axis]}, got ${images[axis]}.`);
      }
    }
  }

  #checkLabels(labels: AttributeLabels<Name>, count: number): void {
    for (const { name, classes } of this.config.attributes) {
      const given: ArrayLike<number> | undefined = labels[name];
      if (given?.length !== count) {
        throw new ShapeError(`labels.${name}: expected ${count}, one an image, got ${given?.length ?? "none"}.`);
      }
      for (let i = 0; i < count; i++) {
        if (!(given[i]! >= 0 && given[i]! < classes)) {
          throw new ShapeError(`labels.${name}: ${given[i]} at index ${i} is outside [0, ${classes}).`);
        }
      }
    }
  }
}

function fileLayouts(config: AttributeClassifierConfig): ReadonlyMap<string, readonly number[]> {
  return new Map(convolutionWeightNames(config).map((name) => [name, convolutionFileLayout]));
}

/** Levels as shares of the greatest, `[count, height, width, channels]`. */
function upload({ data, count, height, width, channels, maxValue }: ImageBatch): tf.Tensor4D {
  const shares = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    shares[i] = data[i]! / maxValue;
  }
  return tf.tensor4d(shares, [count, height, width, channels]);
}

/** The images with black ones after them, up to a power of two: backends that compile like few batch sizes. */
function padded(images: ImageBatch): ImageBatch {
  const count = 2 ** Math.ceil(Math.log2(images.count));
  const data = new Uint8Array(count * images.height * images.width * images.channels);
  data.set(images.data);
  return { ...images, data, count };
}
