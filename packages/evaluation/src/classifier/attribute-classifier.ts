import {
  checkImageBatch,
  describeValue,
  type ImageBatch,
  type LossOptions,
  type LossResult,
  type Random,
  ShapeError,
  sliceImages,
} from "@mmgen/core";
import {
  fields,
  listOf,
  optional,
  pipe,
  readFields,
  resolveOptions,
  rule,
  seededRandom,
  text,
  wholeNumber,
} from "@mmgen/core/options";
import {
  type ForwardPass,
  Linear,
  type LoadOptions,
  loadModel,
  type ModelFormat,
  Module,
  resolveSaveOptions,
  saveModel,
  softmaxCrossEntropy,
  type TensorTrainable,
  updateRunningStatistics,
} from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { contrast, drawnAs, Trunk } from "./attribute-network.js";
import type { AttributeBatch, AttributeLabels } from "./attribute-scores.js";
import { upgradeLegacyFile } from "./legacy-file.js";

/** One property of an image that a classifier predicts, such as its digit. */
export interface Attribute<Name extends string = string> {
  readonly name: Name;
  /** Number of its classes, at least 2. */
  readonly classes: number;
}

/** Configuration of an {@link AttributeClassifier}. */
export interface AttributeClassifierConfig<Name extends string = string> {
  readonly attributes: readonly Attribute<Name>[];
  /** Of the images. Default: 28. */
  readonly height: number;
  /** Of the images. Default: 28. */
  readonly width: number;
  /** Of the images. Default: 3. */
  readonly channels: number;
  /** The maximum level of the images. Default: 3. */
  readonly maxValue: number;
  /** Channels of the shape trunk's three convolutions; the color trunk's one has as many as the first. Default: [32, 64, 64]. */
  readonly hiddenChannels: readonly [number, number, number];
  /** Width of each trunk's last layer, before the heads. Default: 128. */
  readonly hiddenWidth: number;
}

/** A configuration; all but the attributes have defaults, for colored digits: 28×28×3 images with levels 0..3. */
export type AttributeClassifierOptions<Name extends string = string> = Pick<
  AttributeClassifierConfig<Name>,
  "attributes"
> &
  Partial<AttributeClassifierConfig<Name>>;

const size = () => wholeNumber({ min: 1 });
const classifierSchema = pipe(
  fields({
    attributes: listOf(fields({ name: text({ minLength: 1 }), classes: wholeNumber({ min: 2 }) }), { minLength: 1 }),
    height: optional(size(), 28),
    width: optional(size(), 28),
    channels: optional(size(), 3),
    maxValue: optional(size(), 3),
    hiddenChannels: optional(listOf(size(), { minLength: 3, maxLength: 3 }), [32, 64, 64]),
    hiddenWidth: optional(size(), 128),
  }),
  rule("attributes", ({ attributes }) => {
    const names = attributes.map(({ name }) => name);
    return new Set(names).size === names.length ? undefined : `expected different names, got ${describeValue(names)}.`;
  }),
);

const fileFormat: ModelFormat = {
  kind: "mmgen.attribute-classifier",
  version: 1,
  legacy: { field: "format", value: "mmgen.attribute-classifier" },
  upgrade: upgradeLegacyFile,
};
/** Images in one pass of `predict`. */
const predictionBatch = 256;

/**
 * A small convolutional network that predicts attributes of images: one trunk for shapes, one for colors, and one head an
 * attribute.
 *
 * Trained on real images with `train`, it scores generated ones. It holds weights: dispose it.
 *
 * The shape trunk sees the contrast alone, so that it cannot recognize a digit by its colors; the color trunk sees coarse
 * patches of the image, with the contrast to tell which of them belong to the foreground.
 */
export class AttributeClassifier<Name extends string = string>
  extends Module
  implements TensorTrainable<AttributeBatch<Name>, tf.NamedTensorMap>
{
  readonly config: AttributeClassifierConfig<Name>;
  readonly shape: Trunk;
  readonly color: Trunk;
  /** By attribute. */
  readonly heads: Readonly<Record<string, Linear>>;

  private constructor(config: AttributeClassifierConfig<Name>) {
    super();
    const { height, width, channels, hiddenChannels, hiddenWidth: outputs, attributes } = config;
    const [first, second, third] = hiddenChannels;
    this.config = config;
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
  }

  /**
   * A classifier with fresh weights.
   *
   * @throws a `ConfigError` when a field is unknown or out of range.
   */
  static create<const Name extends string>(
    options: AttributeClassifierOptions<Name>,
    draw: { readonly random: Random },
  ): AttributeClassifier<Name> {
    const { random } = resolveOptions(drawSchema, draw === undefined ? {} : draw);
    return new AttributeClassifier(resolveClassifier(options)).initializeWeights(random, { streams: "shared" });
  }

  /**
   * The classifier of a file written by {@link AttributeClassifier.toSafetensors}.
   *
   * @throws a `CheckpointError` when the bytes are damaged, of another model or beyond a limit.
   */
  static fromSafetensors(bytes: Uint8Array, options: LoadOptions = {}): AttributeClassifier {
    const build = ({ config }: { readonly config: unknown }) =>
      new AttributeClassifier(resolveClassifier(config as AttributeClassifierOptions));
    return loadModel(bytes, fileFormat, build, options);
  }

  /**
   * Weights, running statistics and configuration as one safetensors file, with PyTorch's names and layouts. Reads.
   *
   * @param options - `run`: id of the training run, written into the file; that of the loaded file when absent.
   */
  async toSafetensors(options: { readonly run?: string | undefined } = {}): Promise<Uint8Array> {
    return saveModel(this, fileFormat, { config: this.config, ...resolveSaveOptions(options) });
  }

  /**
   * Sum of the heads' cross-entropies, each a mean over the batch, in nats; the metrics are the accuracies.
   *
   * @throws a {@link ShapeError} when the images are of another shape or a label is no class.
   */
  loss(
    batch: AttributeBatch<Name>,
    { training }: Pick<LossOptions, "training">,
  ): LossResult<tf.Scalar, tf.NamedTensorMap> {
    const { images, labels } = readFields("batch", batch, ["images", "labels"]);
    this.#checkImages(images);
    if (images.count === 0) {
      throw new ShapeError("images: expected at least one image, got none.");
    }
    this.#checkLabels(labels, images.count);
    const statistics = new Map<string, tf.Tensor>();
    const logits = this.#logits(images, { training, statistics });
    const metrics: Record<string, tf.Scalar> = {};
    const losses = this.config.attributes.map(({ name }, head) => {
      const truth = tf.tensor1d(Int32Array.from(labels[name]), "int32");
      const correct = tf.equal(tf.argMax(logits[head]!, 1), truth);
      metrics[`${name}Accuracy`] = tf.mean(tf.cast(correct, "float32")) as tf.Scalar;
      return tf.mean(softmaxCrossEntropy(logits[head]!, truth)) as tf.Scalar;
    });
    return { total: tf.addN(losses) as tf.Scalar, metrics, aux: Object.fromEntries(statistics) };
  }

  /** Updates the running statistics of the batch norms. */
  afterStep(statistics: tf.NamedTensorMap): void {
    updateRunningStatistics(this.buffers, Object.entries(statistics));
  }

  /**
   * The likeliest class of each attribute in each image. Reads.
   *
   * @param images - Of the configured shape; borrowed.
   * @returns `[count]` by attribute.
   * @throws a {@link ShapeError} when the images are of another shape or range.
   */
  async predict(images: ImageBatch): Promise<Record<Name, Int32Array>> {
    this.#checkImages(images);
    const { attributes } = this.config;
    const classes = attributes.map(({ name }) => [name, new Int32Array(images.count)] as const);
    for (let start = 0; start < images.count; start += predictionBatch) {
      const batch = sliceImages(images, start, Math.min(start + predictionBatch, images.count));
      const likeliest = tf.tidy(() => {
        const logits = this.#logits(padToPowerOfTwo(batch), { training: false });
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

  /** Logits of each attribute, `[batch, classes]`; they belong to the surrounding `tf.tidy`. */
  #logits(images: ImageBatch, pass: ForwardPass): tf.Tensor2D[] {
    const levels = upload(images);
    const foreground = contrast(levels);
    const colors = tf.concat<tf.Tensor4D>([tf.sub<tf.Tensor4D>(tf.mul(levels, 2), 1), foreground], 3);
    const features = tf.concat([this.shape.forward(foreground, pass), this.color.forward(colors, pass)], 1);
    return this.config.attributes.map(({ name }) => this.heads[name]!.forward(features) as tf.Tensor2D);
  }

  #checkImages(images: ImageBatch): void {
    this.checkUsable();
    checkImageBatch(images);
    for (const axis of ["height", "width", "channels", "maxValue"] as const) {
      if (images[axis] !== this.config[axis]) {
        throw new ShapeError(
          `images: this classifier takes ${axis} ${this.config[axis]}, got ${describeValue(images[axis])}.`,
        );
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

const drawSchema = fields({ random: seededRandom() });

function resolveClassifier<Name extends string>(
  options: AttributeClassifierOptions<Name>,
): AttributeClassifierConfig<Name> {
  return resolveOptions(classifierSchema, options) as unknown as AttributeClassifierConfig<Name>;
}

/** Levels as shares of the maximum, `[count, height, width, channels]`. */
function upload({ data, count, height, width, channels, maxValue }: ImageBatch): tf.Tensor4D {
  const shares = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    shares[i] = data[i]! / maxValue;
  }
  return tf.tensor4d(shares, [count, height, width, channels]);
}

/** The images, followed by black ones: a backend that compiles graphs then compiles few batch sizes. */
function padToPowerOfTwo(images: ImageBatch): ImageBatch {
  const count = 2 ** Math.ceil(Math.log2(images.count));
  const data = new Uint8Array(count * images.height * images.width * images.channels);
  data.set(images.data);
  return { ...images, data, count };
}
