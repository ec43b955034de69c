import {
  type CodeBatch,
  type CodeLayout,
  type ImageBatch,
  type ImageCodec,
  type LossOptions,
  type LossResult,
  MmgenError,
  Random,
  type Trainable,
} from "@mmgen/core";
import { assignSafetensors, compile, type TensorFunction, variable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { type ForwardPass, fileLayouts } from "../networks/layers.js";
import { updateRunningStatistics } from "../networks/normalization-layer.js";
import { type Autoencoder, autoencoder } from "./autoencoder.js";
import { checkCodes, checkImages, inFixedBatches, type LatentBatch } from "./batches.js";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.js";
import { fromPyTorch, type PyTorchOptions, toPyTorch } from "./pytorch.js";
import { resolveVqVae, type VqVaeConfig, type VqVaeOptions } from "./vq-vae-config.js";

/**
 * A vector-quantized autoencoder: images to a grid of discrete codes and back.
 *
 * `encode`, `decode` and `reconstruct` take and give plain arrays; `loss` and `afterStep` are what a training loop drives.
 * It holds weights on the backend that was active when it was made: dispose it.
 *
 * @see van den Oord et al. 2017, https://arxiv.org/abs/1711.00937
 */
export class VqVae implements ImageCodec, Trainable<ImageBatch, tf.Variable, tf.Scalar, tf.NamedTensorMap> {
  /** Every field, defaults filled in. */
  readonly config: VqVaeConfig;
  readonly codebookSize: number;
  /**
   * Height and width of an image's codes: 28×28 pixels give 7×7 after two stages. A quantizer that makes several codes
   * of a latent vector has them side by side, so that codes go by row, column, then chunk or stage. A dense network has
   * one row. With colors `before` the grid they are one row: figure's color, ground's color, then the grid's.
   */
  readonly codeGrid: { readonly height: number; readonly width: number };
  /** What each of an image's codes says, for {@link CodeUsage}. */
  readonly codeLayout: CodeLayout;
  /** Learned by gradients, by checkpoint name. */
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  /** Learned after the step: batch-norm statistics, an EMA codebook, counts, whether initialized. */
  readonly buffers: ReadonlyMap<string, tf.Variable>;
  readonly #network: Autoencoder;
  readonly #weights: ReadonlyMap<string, tf.Variable>;
  readonly #latents: TensorFunction;
  readonly #encode: TensorFunction;
  readonly #decode: TensorFunction;
  #disposed = false;

  private constructor(config: VqVaeConfig, random: Random) {
    this.config = config;
    this.#network = autoencoder(config);
    const { parameters, codebookSize, codeGrid, codeLayout } = this.#network;
    this.codebookSize = codebookSize;
    this.codeGrid = codeGrid;
    this.codeLayout = codeLayout;
    this.#weights = new Map(
      parameters.map(({ name, learned, initial, drawnAs = name }) => [
        name,
        variable(() => initial(random.fork(drawnAs)), { trainable: learned === "by gradient" }),
      ]),
    );
    const learnedSo = (how: string) =>
      new Map(parameters.filter(({ learned }) => learned === how).map(({ name }) => [name, this.#weights.get(name)!]));
    this.parameters = learnedSo("by gradient");
    this.buffers = learnedSo("after step");
    this.#latents = compile((levels, ...fed) => [this.#network.latents(levels as tf.Tensor4D, this.#pass({ fed }))]);
    this.#encode = compile((levels, ...fed) => [this.#network.encode(levels as tf.Tensor4D, this.#pass({ fed }))]);
    this.#decode = compile((codes, ...fed) => [this.#network.decode(codes as tf.Tensor2D, this.#pass({ fed }))]);
  }

  /**
   * A model with fresh weights.
   *
   * @param options - Any part of the configuration; see {@link vqVaePresets}.
   * @param random - Source of the first weights; the same seed gives the same model.
   * @throws a `ConfigError` naming the first field that is out of range or at odds with another.
   */
  static create(options: VqVaeOptions, { random }: { readonly random: Random }): VqVae {
    return new VqVae(resolveVqVae(options), random);
  }

  /**
   * The model of a file written by {@link VqVae.toSafetensors}.
   *
   * @throws a `CheckpointError` when the bytes are damaged or of another model.
   */
  static fromSafetensors(bytes: Uint8Array): VqVae {
    const { config, assign } = readCheckpoint(bytes);
    return VqVae.#filled(config, (model) => assign(model.#weights, fileLayouts(model.#network.parameters)));
  }

  /**
   * The model of a safetensors file that a PyTorch program wrote.
   *
   * @throws a `CheckpointError` that lists what is missing, left over or of another shape; a `ConfigError` when the
   * configuration is not valid.
   */
  static loadPyTorch(bytes: Uint8Array, { config, names = {} }: PyTorchOptions): VqVae {
    return VqVae.#filled(resolveVqVae(config), (model) => {
      const content = fromPyTorch(bytes, names, model.#network.parameters, model.#weights);
      assignSafetensors(model.#weights, content, { layouts: fileLayouts(model.#network.parameters) });
    });
  }

  /** A model whose every weight `fill` sets. */
  static #filled(config: VqVaeConfig, fill: (model: VqVae) => void): VqVae {
    const model = new VqVae(config, Random.fromSeed(0));
    try {
      fill(model);
      return model;
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  /** Weights, state and configuration as one safetensors file, with PyTorch's names and layouts. */
  async toSafetensors(): Promise<Uint8Array> {
    this.#checkUsable();
    return writeCheckpoint(this.config, this.#weights, fileLayouts(this.#network.parameters));
  }

  /** A safetensors file for `load_state_dict` of the PyTorch program with these names. */
  async savePyTorch({ names = {} }: Pick<PyTorchOptions, "names"> = {}): Promise<Uint8Array> {
    return toPyTorch(await this.toSafetensors(), names, this.#network.parameters, this.#weights);
  }

  /**
   * The codes of images, as the quantizer has them, without batch statistics; {@link VqVae.codeLayout} says where those
   * of a `figure-ground` composition have its colors.
   *
   * @param images - Of the configured side, channels and maxValue; borrowed.
   * @returns `[count, codeGrid.height, codeGrid.width]`.
   * @throws a `ShapeError` when the images are of another shape or range.
   */
  async encode(images: ImageBatch): Promise<CodeBatch> {
    this.#checkUsable();
    checkImages(images, this.config);
    const { height, width } = this.codeGrid;
    const data = new Int32Array(images.count * height * width);
    await this.#runOnImages(this.#encode, images, data);
    return { data, count: images.count, height, width };
  }

  /**
   * What the encoder makes of images before any code is chosen, without batch statistics: for plots, and for quantizers
   * and classifiers of your own.
   *
   * @param images - Of the configured side, channels and maxValue; borrowed.
   * @returns `[count, height, width, dimension]`, row-major.
   * @throws a `ShapeError` when the images are of another shape or range.
   */
  async latents(images: ImageBatch): Promise<LatentBatch> {
    this.#checkUsable();
    checkImages(images, this.config);
    const { latentGrid, quantizer } = this.#network;
    const shape = { count: images.count, ...latentGrid, dimension: quantizer.latentDimension };
    const data = new Float32Array(shape.count * shape.height * shape.width * shape.dimension);
    await this.#runOnImages(this.#latents, images, data);
    return { data, ...shape };
  }

  /**
   * The images that codes stand for, at the likeliest levels. A code that its place does not have, such as a color's
   * among a shape's, is read as the nearest that it has.
   *
   * @param codes - On the model's code grid; borrowed.
   * @throws a `ShapeError` when the grid is another or a code is outside the codebook.
   */
  async decode(codes: CodeBatch): Promise<ImageBatch> {
    this.#checkUsable();
    checkCodes(codes, this.codeGrid, this.codebookSize);
    const { imageSide: side, channels, maxValue } = this.config;
    const data = new Uint8Array(codes.count * side * side * channels);
    const { height, width } = this.codeGrid;
    await inFixedBatches(codes, data, (batch, size) =>
      this.#run(this.#decode, () => tf.tensor2d(batch, [size, height * width], "int32")),
    );
    return { data, count: codes.count, height: side, width: side, channels, maxValue };
  }

  /**
   * As {@link VqVae.encode}, on tensors and without checks: for graphs of your own, and for export.
   *
   * @param levels - `[batch, side, side, channels]`, int32; borrowed.
   * @returns `[batch, codeGrid.height · codeGrid.width]`, int32; yours, or the surrounding `tf.tidy`'s.
   */
  encodeTensor(levels: tf.Tensor4D): tf.Tensor2D {
    this.#checkUsable();
    return tf.tidy(() => this.#network.encode(levels, this.#pass({})));
  }

  /** The other way: `[batch, codeGrid.height · codeGrid.width]` int32 codes → levels. See {@link VqVae.encodeTensor}. */
  decodeTensor(codes: tf.Tensor2D): tf.Tensor4D {
    this.#checkUsable();
    return tf.tidy(() => this.#network.decode(codes, this.#pass({})));
  }

  /** The images after a way through the codes and back. Throws as {@link VqVae.encode}. */
  async reconstruct(images: ImageBatch): Promise<ImageBatch> {
    return this.decode(await this.encode(images));
  }

  /**
   * Starts the quantizer from the latents of a batch, as its configuration says; does nothing on a model that has been
   * started before, in this process or in the one that saved it.
   *
   * @param images - A training batch, or several in one; borrowed.
   */
  async initialize(images: ImageBatch, random: Random): Promise<void> {
    this.#checkUsable();
    checkImages(images, this.config);
    const latents = tf.tidy(() => this.#network.latents(this.#levels(images), this.#pass({ training: true })));
    try {
      await this.#network.quantizer.initialize(latents, this.#weights, random);
    } finally {
      latents.dispose();
    }
  }

  /**
   * Reconstruction loss and the quantizer's losses, each a mean over all values.
   *
   * @param images - Of the configured side, channels and maxValue; borrowed.
   * @returns Yours, or the surrounding `tf.tidy`'s. `metrics`: `reconstruction` (squared error in the head's units, or nats),
   *   and the quantizer's: of one with codebooks `commitment`, `codebook` (gradient codebook only), and `perplexity` of
   *   the running code counts; unweighted.
   *   `aux` goes to {@link VqVae.afterStep}; it is empty when `training` is false.
   * @throws a `ShapeError` when the images are of another shape or range.
   */
  loss(images: ImageBatch, { training }: Pick<LossOptions, "training">): LossResult<tf.Scalar, tf.NamedTensorMap> {
    this.#checkUsable();
    checkImages(images, this.config);
    let result: LossResult<tf.Scalar, tf.NamedTensorMap> | undefined;
    tf.tidy(() => {
      const pass = this.#pass({ training });
      const { total, metrics, aux } = this.#network.loss(this.#levels(images), pass);
      result = { total, metrics, aux: training ? { ...aux, ...Object.fromEntries(pass.statistics) } : {} };
      return { total, ...result.metrics, ...result.aux };
    });
    return result!;
  }

  /** Updates running statistics and the quantizer's state. Reads nothing, and keeps shapes from step to step. */
  afterStep(aux: tf.NamedTensorMap, random: Random): void {
    this.#checkUsable();
    updateRunningStatistics(this.buffers, Object.entries(aux));
    this.#network.quantizer.afterStep(aux, this.#weights, random);
  }

  /** Frees the weights; safe to call twice. */
  dispose(): void {
    this.#disposed = true;
    tf.dispose([...this.#weights.values()]);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The weights as a forward pass sees them: the variables, or what a compiled function was fed in their place. */
  #pass({ training = false, fed }: { training?: boolean; fed?: readonly tf.Tensor[] }): ForwardPass {
    const weights = fed ? new Map([...this.#weights.keys()].map((name, i) => [name, fed[i]!])) : this.#weights;
    return { weights, training, statistics: new Map() };
  }

  async #runOnImages(fn: TensorFunction, images: ImageBatch, out: Int32Array | Float32Array): Promise<void> {
    const { imageSide, channels } = this.config;
    await inFixedBatches(images, out, (batch, size) =>
      this.#run(fn, () => tf.tensor4d(batch, [size, imageSide, imageSide, channels], "int32")),
    );
  }

  async #run(fn: TensorFunction, input: () => tf.Tensor): Promise<ArrayLike<number>> {
    const result = tf.tidy(() => fn(input(), ...this.#weights.values())[0]!);
    try {
      return await result.data();
    } finally {
      result.dispose();
    }
  }

  #levels(images: ImageBatch): tf.Tensor4D {
    const { count, height, width, channels } = images;
    return tf.tensor4d(Int32Array.from(images.data), [count, height, width, channels], "int32");
  }

  #checkUsable(): void {
    if (this.#disposed) {
      throw new MmgenError("This VqVae has been disposed. Make or load another.");
    }
  }
}
