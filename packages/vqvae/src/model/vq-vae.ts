import type { CodeBatch, CodeLayout, ImageBatch, ImageCodec, LossResult, Random } from "@mmgen/core";
import {
  type LoadOptions,
  loadModel,
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
import type { Grid, Network } from "../networks/network.js";
import { createQuantizer } from "../quantizers/create-quantizer.js";
import type { Quantizer } from "../quantizers/quantizer.js";
import {
  checkCodes,
  checkImages,
  type ImageShape,
  inFixedBatches,
  type LatentBatch,
  levelsOf,
  runAndRead,
  runOnImages,
  takingImages,
} from "./batches.js";
import {
  type PyTorchOptions,
  resolveDraw,
  resolveNames,
  resolvePyTorch,
  resolveVqVae,
  type VqVaeConfig,
  type VqVaeOptions,
} from "./vq-vae-config.js";
import { vqVaeFormat } from "./vq-vae-format.js";
import { type VqVaeLossOptions, vqVaeLoss } from "./vq-vae-loss.js";
import { createParts, type VqVaeParts, type VqVaeShapes } from "./vq-vae-parts.js";

/**
 * A vector-quantized autoencoder: images to a grid of discrete codes and back.
 *
 * `encode`, `decode` and `reconstruct` take and return typed arrays; `loss` and `afterStep` are for a training loop. The
 * model holds weights on the backend that was active when it was made: dispose it.
 *
 * @see van den Oord et al. 2017, https://arxiv.org/abs/1711.00937
 */
export class VqVae extends Module implements ImageCodec, TensorTrainable<ImageBatch, tf.NamedTensorMap> {
  static override readonly paths = { network: "" };

  /** Every field, defaults filled in. */
  readonly config: VqVaeConfig;
  /** Height, width, channels and maxValue of the images it takes and makes. */
  readonly imageShape: ImageShape;
  readonly network: Network;
  readonly quantizer: Quantizer;
  /** Number of distinct codes: of the palette and of the quantizer. */
  readonly codebookSize: number;
  /**
   * Height and width of an image's codes: 28×28 pixels give 7×7 after two stages. The codes of one latent vector stand
   * side by side: by row, column, then chunk or stage. A dense network has one row. With colors `before` the grid all
   * codes stand in one row: the figure's color, the ground's color, then the grid's.
   */
  readonly codeGrid: Grid;
  /** What each of an image's codes stands for, for the codebook usage of `@mmgen/evaluation`. */
  readonly codeLayout: CodeLayout;
  readonly #parts: VqVaeParts & VqVaeShapes;
  readonly #latents = this.compiled(takingImages(this, (levels) => this.#encodeLatents(levels)));
  readonly #encode = this.compiled(takingImages(this, (levels) => this.encodeTensor(levels)));
  readonly #decode = this.compiled((codes) => [this.decodeTensor(codes as tf.Tensor2D)]);

  private constructor(config: VqVaeConfig, quantizer = createQuantizer(config.quantizer)) {
    super();
    this.config = config;
    this.#parts = createParts(config, quantizer);
    const { codeGrid, codeLayout, imageShape, network, sequence } = this.#parts;
    this.imageShape = imageShape;
    this.network = network;
    this.quantizer = quantizer;
    this.codebookSize = sequence.size;
    this.codeGrid = codeGrid;
    this.codeLayout = codeLayout;
  }

  /**
   * Creates a model with fresh weights.
   *
   * @param options - Any part of the configuration; see `vqVaePresets`.
   * @param draw - `random`: draws the first weights; the same seed gives the same model.
   * @throws a `ConfigError` naming the fields that are unknown, out of range or in conflict with others.
   */
  static create(options: VqVaeOptions, draw: { readonly random: Random }): VqVae {
    return new VqVae(resolveVqVae(options)).initializeWeights(resolveDraw(draw));
  }

  /**
   * Loads the model of a file that {@link VqVae.toSafetensors} wrote.
   *
   * @throws a `CheckpointError` when the bytes are damaged, of another model or beyond a limit.
   */
  static fromSafetensors(bytes: Uint8Array, options: LoadOptions = {}): VqVae {
    const build = ({ config }: { readonly config: unknown }) => new VqVae(resolveVqVae(config as VqVaeOptions));
    return loadModel(bytes, vqVaeFormat, build, options);
  }

  /**
   * Loads the model of a safetensors file that a PyTorch program wrote.
   *
   * @throws a `CheckpointError` that lists what is missing, left over or of another shape; a `ConfigError` when the
   * configuration is not valid.
   */
  static loadPyTorch(bytes: Uint8Array, options: PyTorchOptions): VqVae {
    const { config, names } = resolvePyTorch(options);
    return new VqVae(config).importStateDict(bytes, names);
  }

  /**
   * Weights, state and configuration as one safetensors file, with PyTorch's names and layouts.
   *
   * @param options - `run`: id of the training run, that of the loaded file when absent; `dtype`: `float32`, `float16` or `q8`.
   */
  async toSafetensors(options: SaveOptions = {}): Promise<Uint8Array> {
    return saveModel(this, vqVaeFormat, { config: this.config, ...resolveSaveOptions(options) });
  }

  /** A safetensors file for `load_state_dict` of the PyTorch program with these names. */
  async savePyTorch(options: Pick<PyTorchOptions, "names"> = {}): Promise<Uint8Array> {
    return this.exportStateDict(resolveNames(options));
  }

  /**
   * Encodes images to codes, without batch statistics. {@link VqVae.codeLayout} says where those of a `figure-ground`
   * composition have their colors.
   *
   * @param images - Of {@link VqVae.imageShape}; borrowed.
   * @returns `[count, codeGrid.height, codeGrid.width]`.
   * @throws a `ShapeError` when the images have another shape or range.
   */
  async encode(images: ImageBatch): Promise<CodeBatch> {
    this.checkUsable();
    checkImages(images, this.imageShape);
    const { height, width } = this.codeGrid;
    const data = new Int32Array(images.count * height * width);
    await runOnImages(this.#encode, images, data);
    return { data, count: images.count, height, width };
  }

  /**
   * Encodes images to latents, before any code is chosen and without batch statistics: for plots, and for quantizers and
   * classifiers of your own.
   *
   * @param images - Of {@link VqVae.imageShape}; borrowed.
   * @returns `[count, height, width, dimension]`, row-major.
   * @throws a `ShapeError` when the images have another shape or range.
   */
  async latents(images: ImageBatch): Promise<LatentBatch> {
    this.checkUsable();
    checkImages(images, this.imageShape);
    const shape = { count: images.count, ...this.network.latentGrid, dimension: this.quantizer.latentDimension };
    const data = new Float32Array(shape.count * shape.height * shape.width * shape.dimension);
    await runOnImages(this.#latents, images, data);
    return { data, ...shape };
  }

  /**
   * Decodes codes to images, at the likeliest levels. A code that cannot stand at its position, such as a color among
   * the codes of a shape, is read as the nearest that can.
   *
   * @param codes - On the model's code grid; borrowed.
   * @throws a `ShapeError` when the grid is another or a code is outside the codebook.
   */
  async decode(codes: CodeBatch): Promise<ImageBatch> {
    this.checkUsable();
    checkCodes(codes, this.codeGrid, this.codebookSize);
    const { height, width, channels } = this.imageShape;
    const data = new Uint8Array(codes.count * height * width * channels);
    const { codesPerImage } = this.codeLayout;
    await inFixedBatches(codes, data, (batch, size) =>
      runAndRead(this.#decode, () => tf.tensor2d(batch, [size, codesPerImage], "int32")),
    );
    return { data, count: codes.count, ...this.imageShape };
  }

  /**
   * As {@link VqVae.encode}, on tensors and without checks: for graphs of your own, and for export.
   *
   * @param levels - `[batch, height, width, channels]`, int32; borrowed.
   * @returns `[batch, codeGrid.height · codeGrid.width]`, int32; yours, or the surrounding `tf.tidy`'s.
   */
  encodeTensor(levels: tf.Tensor4D): tf.Tensor2D {
    this.checkUsable();
    return tf.tidy(() => {
      const { map, codes: colors } = this.#parts.composition.decompose(levels);
      const codes = this.quantizer.codes(this.network.encode(map, inference));
      const grid = tf.reshape<tf.Rank.R2>(codes, [-1, this.#parts.gridCodes]);
      return this.#parts.sequence.compose({ grid, ...(colors && { colors }) });
    });
  }

  /** The inverse: `[batch, codeGrid.height · codeGrid.width]` int32 codes → levels. See {@link VqVae.encodeTensor}. */
  decodeTensor(codes: tf.Tensor2D): tf.Tensor4D {
    this.checkUsable();
    return tf.tidy(() => {
      const { colors, grid } = this.#parts.sequence.decompose(codes);
      const vectors = this.quantizer.vectors(tf.reshape(grid, [-1, ...this.quantizer.codeShape])) as tf.Tensor2D;
      const map = this.network.decode(vectors, inference);
      return this.#parts.head.levels(this.#parts.composition.compose({ map, ...(colors && { codes: colors }) }));
    });
  }

  /** Encodes images and decodes the codes. Throws as {@link VqVae.encode}. */
  async reconstruct(images: ImageBatch): Promise<ImageBatch> {
    return this.decode(await this.encode(images));
  }

  /**
   * Initializes the quantizer from the latents of a batch, as its configuration says; does nothing on a model that has
   * been initialized before, in this process or in the one that saved it.
   *
   * @param images - A training batch, or several in one; borrowed.
   */
  async initialize(images: ImageBatch, random: Random): Promise<void> {
    this.checkUsable();
    checkImages(images, this.imageShape, { minCount: 1 });
    const latents = tf.tidy(() => this.#encodeLatents(levelsOf(images), { training: true }));
    try {
      await this.quantizer.initialize(latents, random);
    } finally {
      latents.dispose();
    }
  }

  /**
   * Reconstruction loss and the quantizer's losses, each a mean over all values.
   *
   * @param images - Of {@link VqVae.imageShape}; borrowed.
   * @param options - `criterion`: a loss of the reconstructed images in place of the head's.
   * @returns Yours, or the surrounding `tf.tidy`'s. `metrics`: `reconstruction` (the head's loss, or
   *   nats), and the quantizer's, unweighted: with codebooks `commitment`, `codebook` (none of `ema`), `index`, entropies, and
   *   `perplexity` of the running code counts. `aux` is for {@link VqVae.afterStep}; empty when `training` is false.
   * @throws a `ShapeError` when the images have another shape or range, or there is none.
   */
  loss(images: ImageBatch, options: VqVaeLossOptions): LossResult<tf.Scalar, tf.NamedTensorMap> {
    return vqVaeLoss(this.#parts, () => this.uploadBatch(images).tensors.levels as tf.Tensor4D, options);
  }

  /** Checks images as {@link VqVae.loss} does, and gives them as {@link VqVae.lossTensor} takes them. */
  uploadBatch(images: ImageBatch): UploadedBatch {
    this.checkUsable();
    checkImages(images, this.imageShape, { minCount: 1 });
    return { tensors: { levels: levelsOf(images) } };
  }

  /**
   * {@link VqVae.loss} of `levels`, `[batch, height, width, channels]` int32, which are not checked; for custom graphs and for
   * export. Borrows them.
   */
  lossTensor(
    { levels }: { readonly levels: tf.Tensor4D },
    options: VqVaeLossOptions,
  ): LossResult<tf.Scalar, tf.NamedTensorMap> {
    this.checkUsable();
    return vqVaeLoss(this.#parts, () => levels, options);
  }

  /** Updates running statistics and the quantizer's state. Reads nothing back, and keeps shapes from step to step. */
  afterStep(aux: tf.NamedTensorMap, random: Random): void {
    this.checkUsable();
    updateRunningStatistics(this.buffers, Object.entries(aux));
    this.quantizer.afterStep(aux, random);
  }

  /** What {@link VqVae.afterStep} needs of one part of a step, to be added up over all; see `TensorTrainable`. */
  partSums(aux: tf.NamedTensorMap, part: StepPart): tf.NamedTensorMap {
    return { ...partStatistics(this.buffers, aux, part), ...this.quantizer.partSums(aux, part) };
  }

  /** {@link VqVae.afterStep} from the sums over all parts of a step. */
  afterParts(sums: tf.NamedTensorMap): void {
    this.checkUsable();
    updateRunningStatistics(this.buffers, Object.entries(sums));
    this.quantizer.afterParts(sums);
  }

  /** `[batch, height, width, channels]` int32 levels → latent vectors, `[batch · latentGrid's positions, dimension]`. */
  #encodeLatents(levels: tf.Tensor4D, pass = inference): tf.Tensor2D {
    return this.network.encode(this.#parts.composition.decompose(levels).map, pass);
  }
}

const inference = { training: false };
