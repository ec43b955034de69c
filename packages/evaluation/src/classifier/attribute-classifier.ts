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
import { fields, optional, readFields, resolveOptions, seededRandom, value } from "@mmgen/core/options";
import {
  type LoadOptions,
  loadModel,
  type ModelFormat,
  Module,
  partStatistics,
  resolveSaveOptions,
  type SaveOptions,
  type StepPart,
  saveModel,
  type TensorTrainable,
  type UploadedBatch,
  updateRunningStatistics,
} from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { AttributeNetwork } from "./attribute-network.js";
import { type AttributeBatch, checkClasses } from "./attribute-scores.js";
import { classShares, takeColumns } from "./class-shares.js";
import {
  type AttributeClassifierConfig,
  type AttributeClassifierOptions,
  resolveClassifier,
} from "./classifier-config.js";
import { checkSameConvolutions, copyConvolutions } from "./convolutions-of.js";
import { DigitNetwork } from "./digit-network.js";
import { ImageNetwork } from "./image-network.js";
import { padToPowerOfTwo, upload } from "./image-tensors.js";
import { upgradeLegacyFile } from "./legacy-file.js";

const fileFormat: ModelFormat = {
  kind: "mmgen.attribute-classifier",
  version: 1,
  legacy: { field: "format", value: "mmgen.attribute-classifier" },
  upgrade: upgradeLegacyFile,
};
/** Images in one pass of `predict`. */
const predictionBatch = 256;

/**
 * A small convolutional network that predicts attributes of images: of colored digits by two trunks, one for shapes and
 * one for colors, or of images of many colors by one; see `trunk`.
 *
 * Trained on real images with `train`, it scores generated ones, and its features compare sets of images. It holds
 * weights: dispose it.
 */
export class AttributeClassifier<Name extends string = string>
  extends Module
  implements TensorTrainable<AttributeBatch<Name>, tf.NamedTensorMap>
{
  static override readonly paths = { network: "" };

  readonly config: AttributeClassifierConfig<Name>;
  readonly network: AttributeNetwork;

  private constructor(config: AttributeClassifierConfig<Name>) {
    super();
    this.config = config;
    this.network = config.trunk === "image" ? new ImageNetwork(config) : new DigitNetwork(config);
  }

  /** Values of one image's {@link AttributeClassifier.features}. */
  get featureWidth(): number {
    return this.network.featureWidth;
  }

  /**
   * A classifier with fresh weights.
   *
   * @param draw - `convolutionsOf`: takes its convolutions and their norms from this classifier, of any attributes, whose
   *   `trunk`, `channels` and `hiddenChannels` are the same, so that fewer steps teach it other attributes; borrowed.
   * @throws a `ConfigError` when a field is unknown or out of range, or `convolutionsOf` has other convolutions.
   */
  static create<const Name extends string>(
    options: AttributeClassifierOptions<Name>,
    draw: { readonly random: Random; readonly convolutionsOf?: AttributeClassifier | undefined },
  ): AttributeClassifier<Name> {
    const { convolutionsOf, random } = resolveOptions(drawSchema, draw === undefined ? {} : draw);
    const config = resolveClassifier(options);
    if (convolutionsOf !== undefined) {
      convolutionsOf.checkUsable();
      checkSameConvolutions(config, convolutionsOf.config);
    }
    const classifier = new AttributeClassifier(config).initializeWeights(random, { streams: "shared" });
    return convolutionsOf === undefined ? classifier : copyConvolutions(convolutionsOf, classifier);
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
   * @param options - `run`: id of the training run, written into the file; that of the loaded file when absent. `dtype`:
   *   `float32`, or `float16` or `q8` for a file of half or a quarter of the size.
   */
  async toSafetensors(options: SaveOptions = {}): Promise<Uint8Array> {
    return saveModel(this, fileFormat, { config: this.config, ...resolveSaveOptions(options) });
  }

  /**
   * Sum of the attributes' cross-entropies in nats, each a mean over the images whose label is known, that is not −1. The
   * metrics are accuracies: of each attribute for digits, `accuracy`, their mean, for images.
   *
   * @param batch - Borrowed.
   * @returns Yours, or the surrounding `tf.tidy`'s. `aux` is for {@link AttributeClassifier.afterStep}; empty when `training`
   *   is false.
   * @throws a {@link ShapeError} when the images are of another shape or a label is no class.
   */
  loss(batch: AttributeBatch<Name>, options: Pick<LossOptions, "training">): LossResult<tf.Scalar, tf.NamedTensorMap> {
    return this.#loss(() => this.uploadBatch(batch).tensors, options);
  }

  /** Checks a batch as {@link AttributeClassifier.loss} does, and gives it as {@link AttributeClassifier.lossTensor} takes it. */
  uploadBatch(batch: AttributeBatch<Name>): UploadedBatch {
    const { images, labels } = readFields("batch", batch, ["images", "labels"]);
    this.#checkImages(images);
    if (images.count === 0) {
      throw new ShapeError("images: expected at least one image, got none.");
    }
    checkClasses(labels, this.config.attributes, images.count);
    return { tensors: { images: upload(images), ...this.network.labelTensors(labels, images.count) } };
  }

  /** {@link AttributeClassifier.loss} of the tensors of a batch, which are not checked. Borrows them. */
  lossTensor(
    tensors: tf.NamedTensorMap,
    options: Pick<LossOptions, "training">,
  ): LossResult<tf.Scalar, tf.NamedTensorMap> {
    this.checkUsable();
    return this.#loss(() => tensors, options);
  }

  #loss(tensorsOf: () => tf.NamedTensorMap, { training }: Pick<LossOptions, "training">) {
    let result: LossResult<tf.Scalar, tf.NamedTensorMap> | undefined;
    tf.tidy(() => {
      const { images, ...labels } = tensorsOf();
      const statistics = new Map<string, tf.Tensor>();
      const features = this.network.features(images as tf.Tensor4D, { training, statistics });
      result = { ...this.network.loss(features, labels), aux: Object.fromEntries(statistics) };
      return [result.total, ...Object.values(result.metrics), ...Object.values(result.aux)];
    });
    return result!;
  }

  /** Updates the running statistics of the batch norms. */
  afterStep(statistics: tf.NamedTensorMap): void {
    updateRunningStatistics(this.buffers, Object.entries(statistics));
  }

  /** What {@link AttributeClassifier.afterStep} needs of one part of a step; see `TensorTrainable`. */
  partSums(statistics: tf.NamedTensorMap, part: StepPart): tf.NamedTensorMap {
    return partStatistics(this.buffers, statistics, part);
  }

  /** {@link AttributeClassifier.afterStep} from the sums over all parts of a step. */
  afterParts(sums: tf.NamedTensorMap): void {
    this.afterStep(sums);
  }

  /**
   * The likeliest class of each attribute in each image. Reads.
   *
   * @param images - Of the configured shape; borrowed.
   * @returns `[count]` by attribute.
   * @throws a {@link ShapeError} when the images are of another shape or range.
   */
  async predict(images: ImageBatch): Promise<Record<Name, Int32Array>> {
    const { attributes } = this.config;
    const classes = attributes.map(({ name }) => [name, new Int32Array(images.count)] as const);
    await this.#inBatches(
      images,
      (features) => this.network.classes(features),
      (values, start, count) => {
        const padded = values.length / attributes.length;
        for (const [attribute, [, column]] of classes.entries()) {
          column.set(values.subarray(attribute * padded, attribute * padded + count), start);
        }
      },
    );
    return Object.fromEntries(classes) as Record<Name, Int32Array>;
  }

  /**
   * How probable each class of each attribute is in each image, as the softmax says. Reads.
   *
   * @param images - Of the configured shape; borrowed.
   * @returns `[count, classes]` by attribute; yours.
   * @throws a {@link ShapeError} when the images are of another shape or range.
   */
  async probabilities(images: ImageBatch): Promise<Record<Name, Float32Array>> {
    const { attributes } = this.config;
    const sizes = attributes.map(({ classes }) => classes);
    const columns = sizes.map((size) => new Float32Array(images.count * size));
    await this.#inBatches(
      images,
      (features) => classShares(this.network.logits(features), sizes),
      (values, start, count) => takeColumns(values, columns, { sizes, start, count }),
    );
    return Object.fromEntries(attributes.map(({ name }, i) => [name, columns[i]])) as Record<Name, Float32Array>;
  }

  /**
   * What the classifier's last layer sees of each image: for `frechetDistance` and `precisionAndRecall`. Reads.
   *
   * @param images - Of the configured shape; borrowed.
   * @returns `[count, featureWidth]`, 64 values an image by default where `trunk` is "image"; yours.
   * @throws a {@link ShapeError} when the images are of another shape or range.
   */
  async features(images: ImageBatch): Promise<Float32Array> {
    const width = this.featureWidth;
    const all = new Float32Array(images.count * width);
    await this.#inBatches(
      images,
      (features) => features,
      (values, start, count) => {
        all.set(values.subarray(0, count * width), start * width);
      },
    );
    return all;
  }

  /**
   * What its layers see of images, for a perceptual loss: the `features` of an `AdversarialVqVae`. Gradients pass through,
   * and nothing changes. A classifier that such a loss used must not compare images afterward: train another one for that.
   *
   * @param pixels - In [−1, 1], `[batch, height, width, channels]` of the configured shape; borrowed.
   * @returns `[batch, …, channels]` each, coarser by layer, the features of {@link AttributeClassifier.features} last; the
   *   surrounding `tf.tidy`'s.
   */
  layers(pixels: tf.Tensor4D): tf.Tensor[] {
    this.checkUsable();
    return this.network.layers(tf.mul(tf.add(pixels, 1), 0.5), { training: false });
  }

  /** Computes with the features of some images at a time, and hands over what was read. */
  async #inBatches(
    images: ImageBatch,
    compute: (features: tf.Tensor2D) => tf.Tensor2D,
    take: (values: Float32Array | Int32Array, start: number, count: number) => void,
  ): Promise<void> {
    this.#checkImages(images);
    for (let start = 0; start < images.count; start += predictionBatch) {
      const batch = sliceImages(images, start, Math.min(start + predictionBatch, images.count));
      const result = tf.tidy(() => compute(this.network.features(upload(padToPowerOfTwo(batch)), { training: false })));
      const values = await result.data();
      result.dispose();
      take(values as Float32Array | Int32Array, start, batch.count);
    }
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
}

const drawSchema = fields({
  random: seededRandom(),
  convolutionsOf: optional(
    value<AttributeClassifier>("an AttributeClassifier", (x) => x instanceof AttributeClassifier),
  ),
});
