import { type ImageBatch, MmgenError, soleProcess } from "@mmgen/core";
import { readFields } from "@mmgen/core/options";
import type { MultimodalTokenizer, TokenizerConfig } from "@mmgen/multimodal-tokenizer";
import type { LoadOptions } from "@mmgen/nn";
import type { SamplingOptions } from "@mmgen/samplers";
import type { TinyTransformer, TransformerConfig } from "@mmgen/tiny-transformer";
import type { VqVae, VqVaeConfig } from "@mmgen/vqvae";
import { denoisingOptions } from "../diffusion/denoise-pairs.js";
import { type DiffusionOptions, type ModelFamily, resolveDiffusionSettings } from "../diffusion/diffusion-options.js";
import { type ImageCodecMetrics, imageCodecMetrics } from "../metrics/image-codec-metrics.js";
import type { ScoreOptions } from "../metrics/score-pairs.js";
import { manifestFile, manifestOfStored } from "../published/manifest.js";
import type { Completion } from "../sampling/completion-prompt.js";
import type { CandidateOptions } from "../sampling/draw-likeliest.js";
import { generationFields, type Pairs } from "../sampling/generate-pairs.js";
import { checkCaptions, checkFields, checkImages } from "./check-arguments.js";
import { type CaptionedImageSet, type ImageSet, imageText } from "./image-text.js";
import { type CountOptions, checkCounted, checkHasNoText, checkHasText, contentOf } from "./method-arguments.js";
import { type ModelDescription, modelDescriptionFile, readModelDescription } from "./model-description.js";
import type { ModelOptions } from "./model-options.js";
import { checkSizes, loadModelParts, type ModelParts, modelFiles, type ReadModelFile } from "./model-parts.js";
import {
  checkFamily,
  type ModelGenerationOptions,
  modelGenerationFields,
  type PairMethods,
  type PairScore,
  pairMethods,
} from "./pair-methods.js";
import { type SaveModelOptions, savedFiles } from "./saved-files.js";
import { checkedConfig, estimateParts, type MemoryEstimates, type ModelHistory, trainParts } from "./train-model.js";
import type { TrainOptions } from "./train-options.js";

/** Everything that fixes a model: its parts' configurations, how it samples, and how it was trained, where that is known. */
export interface MultimodalModelConfig extends ModelDescription {
  readonly family: ModelFamily;
  readonly vqvae: VqVaeConfig;
  readonly tokenizer: TokenizerConfig;
  readonly transformer: TransformerConfig;
}

/**
 * One model of images and captions: it draws what a caption says, captions what an image shows, completes either from
 * its beginning, invents matching pairs, and scores how likely a pair is.
 *
 * Its weights live on the tfjs backend that was active when it was made: dispose it.
 */
export class MultimodalModel {
  /** Images to codes and back. */
  readonly vqvae: VqVae;
  /** Codes and words to ids and back. */
  readonly tokenizer: MultimodalTokenizer;
  /** Ids to the next id, or to the ids of all places. */
  readonly transformer: TinyTransformer;
  /** Present on a model that was trained in this process. */
  readonly history: ModelHistory | undefined;
  readonly #description: ModelDescription;
  readonly #pairs: PairMethods;
  #disposed = false;

  private constructor(parts: ModelParts, description: ModelDescription, history?: ModelHistory) {
    this.vqvae = parts.vqvae;
    this.tokenizer = parts.tokenizer;
    this.transformer = parts.transformer;
    this.history = history;
    this.#description = description;
    const { tokenizer, transformer, vqvae } = parts;
    this.#pairs = pairMethods(
      { tokenizer, transformer, vqvae, diffusion: description.diffusion },
      description.sampling,
    );
  }

  /**
   * Trains a model on images, with captions, with classes or alone: the image codec first, then the transformer on its
   * codes.
   *
   * The same options and seed give the same model, bit for bit on the same backend, also where the training was stopped
   * and went on from its checkpoints. With `from` it goes on from a trained model, to which images and words are new.
   *
   * @param options - `images`, one of `captions` or a label of `classes` each, and any part of every stage's configuration;
   *   borrowed.
   * @throws a `ConfigError` when the configuration cannot be; a `ShapeError` when images and captions do not fit.
   * @throws an `AbortedError` when the signal fires.
   */
  static async train(options: TrainOptions & ModelOptions): Promise<MultimodalModel> {
    const config = checkedConfig(options);
    // Other processes leave files to the first.
    const checkpoints = (options.group ?? soleProcess).rank === 0 ? options.checkpoints : undefined;
    const { parts, run, history } = await trainParts({ ...options, checkpoints }, config);
    const { diffusion, sampling, sequences, transformer, vqvae } = config;
    const training = {
      ...{ seed: options.seed ?? 0, sequences, ...(diffusion && { tasks: diffusion.tasks }) },
      ...(options.freeze === undefined && { vqvae: vqvae.training }),
      ...(vqvae.refinement && { refinement: vqvae.refinement }),
      transformer: transformer.training,
    };
    const settings = diffusion && { kernel: diffusion.kernel, sampler: diffusion.sampler };
    const description = { sampling, ...(settings && { diffusion: settings }), training };
    const model = new MultimodalModel(parts, description, history);
    if (checkpoints !== undefined) {
      await checkpoints.write(modelFiles.model, modelDescriptionFile(model.#description, run));
      await checkpoints.write(manifestFile, await manifestOfStored(checkpoints.read));
    }
    return model;
  }

  /** Estimates the bytes that `train` would take, by stage. Throws as `train` does for options that it refuses. */
  static async estimateMemory(options: TrainOptions & ModelOptions): Promise<MemoryEstimates> {
    return estimateParts(options, checkedConfig(options));
  }

  /**
   * Loads a model that {@link MultimodalModel.save} gave, or that was trained into checkpoints.
   *
   * @param read - Gives a file's bytes by its name, or undefined: from a folder, the web, a map.
   * @param options - `limits`: what the files may take; see `defaultLimits` of `@mmgen/core`.
   * @throws a `CheckpointError` naming the file that is missing, damaged, or of another run.
   */
  static async load(read: ReadModelFile, options: LoadOptions = {}): Promise<MultimodalModel> {
    checkFields("load", options, ["limits"]);
    const { description, run } = readModelDescription(await read(modelFiles.model));
    const parts = await loadModelParts(read, run, options);
    try {
      checkFamily(parts, description.diffusion);
    } catch (error) {
      parts.vqvae.dispose();
      parts.transformer.dispose();
      throw error;
    }
    return new MultimodalModel(parts, description);
  }

  /**
   * A model of parts that were trained one by one.
   *
   * @param parts - The model's from now on: it disposes them. With `diffusion`, kernel and default sampler, it is of the
   *   family `diffusion`.
   * @param sampling - How ids are drawn where a call does not say.
   * @throws a `CheckpointError` when the parts' sizes do not fit each other, or they are of another family.
   */
  static fromParts(
    parts: ModelParts & { readonly diffusion?: Omit<DiffusionOptions, "tasks"> | undefined },
    sampling: SamplingOptions = {},
  ): MultimodalModel {
    checkFields("sampling", sampling, generationFields);
    const diffusion = parts.diffusion && resolveDiffusionSettings(parts.diffusion);
    if (diffusion !== undefined) {
      denoisingOptions(sampling, "sampling");
    }
    checkSizes(parts);
    checkFamily(parts, diffusion);
    return new MultimodalModel(parts, { sampling, ...(diffusion && { diffusion }) });
  }

  /** The configuration of every part. */
  get config(): MultimodalModelConfig {
    return {
      family: this.#description.diffusion ? "diffusion" : "autoregressive",
      ...{ vqvae: this.vqvae.config, tokenizer: this.tokenizer.config, transformer: this.transformer.config },
      ...this.#description,
    };
  }

  /**
   * Draws images of captions.
   *
   * @param options - `count` images of each caption (1), one after the other; `temperature`, `topP`, `topK`, `seed` (0);
   *   `candidates` (1) drawn for each image, of which the one stays whose caption is likeliest given the image.
   * @returns `captions.length · count` images of the training images' shape and range; plain arrays, nothing to dispose.
   * @throws a `VocabularyError` for a word that no training caption had; a `GrammarError` for a caption too short or long.
   */
  async draw(captions: readonly string[], options: CountOptions & CandidateOptions = {}): Promise<ImageBatch> {
    const { count = 1, ...sampling } = checkCounted(options, ["candidates"]);
    checkHasText("draw", this.tokenizer);
    checkCaptions(captions);
    const repeated = captions.flatMap((caption) => new Array<string>(count).fill(caption));
    return this.#methods().draw(repeated, sampling);
  }

  /**
   * Captions images, with the likeliest words unless a temperature is given.
   *
   * @param images - Of the shape and range that the model was trained on; borrowed.
   * @returns One string an image.
   * @throws a `ShapeError` when the images are of another shape or range.
   */
  async caption(images: ImageBatch, options: ModelGenerationOptions = {}): Promise<string[]> {
    checkImages(images);
    checkFields("", options, modelGenerationFields);
    checkHasText("caption", this.tokenizer);
    return this.#methods().caption(images, options);
  }

  /**
   * Invents images with captions that belong to them.
   *
   * @param options - `count` pairs (1); `temperature`, `topP`, `topK`, `seed` (0).
   * @returns `images`, `captions` and the images' `codes`, `count` of each.
   */
  async invent(options: CountOptions = {}): Promise<Pairs> {
    const { count = 1, ...sampling } = checkCounted(options);
    return this.#methods().invent(count, sampling);
  }

  /**
   * Completes images from any part of them or captions from their first words, and makes the other half of each pair.
   *
   * Of images with captions, what `keep` speaks of is completed and the other stays whole: `{ rows: 0.5 }` redraws the
   * lower half as the caption says, `{ words: 3 }` goes on with a caption of the image. An image comes back as its codes
   * show it, kept rows included; kept codes never change. See `completePairs` for what the family `autoregressive` does not
   * see of kept parts that are no beginning.
   *
   * @param beginning - Images, captions, or as many of each; borrowed.
   * @param options - `keep`; `count` completions of each (1), one after the other; `candidates` (8).
   * @throws a `ConfigError` when what is to be kept is not there.
   */
  async complete(
    beginning: ImageBatch | readonly string[] | Partial<CaptionedImageSet>,
    options: CountOptions & Pick<Completion, "candidates" | "keep">,
  ): Promise<Pairs> {
    const { candidates, count, keep, ...sampling } = checkCounted(options, ["keep", "candidates"]);
    return this.#methods().complete({ ...contentOf(beginning), candidates, count, keep }, sampling);
  }

  /**
   * Negative log-likelihood of pairs in nats per pair and per id: the mean of both orders, and each order's by modality.
   * Models of images alone score these; those of classes have one order. Of a model of the family `diffusion` these are
   * upper bounds, estimated from random corruptions that are the same each time, and `bounds` has those of each part.
   *
   * @throws a `ShapeError` when images and captions do not fit; a `VocabularyError` for an unknown word.
   */
  async score(pairs: ImageSet, options: ScoreOptions = {}): Promise<PairScore> {
    checkFields("", options, ["batchSize", "signal"]);
    const parts = this.#parts();
    const set = readFields("score", pairs, ["captions", "classes", "images"]);
    const { captions, kind } = imageText("score", set);
    if (kind === "none") {
      checkHasNoText("score", this.tokenizer);
    }
    const { images } = set;
    const codes = await parts.vqvae.encode(images);
    return this.#methods().score({ codes, captions, pixels: images.height * images.width }, options);
  }

  /** How well the image codec reconstructs images, and how many of its codes it uses. */
  async evaluateImages(images: ImageBatch): Promise<ImageCodecMetrics> {
    return imageCodecMetrics(this.#parts().vqvae, images);
  }

  /** Images as their codes show them: the best that the model could draw. */
  async reconstruct(images: ImageBatch): Promise<ImageBatch> {
    return this.#parts().vqvae.reconstruct(images);
  }

  /**
   * The model as files, by name, for {@link MultimodalModel.load}; the last one, `model-manifest.json`, has the others' checksums.
   * The same model gives the same bytes.
   *
   * @param options - `dtype`: `float32` (default); `float16`, half of the size; `q8`, about a quarter. Loaded models compute
   *   in float32 in any case.
   * @throws a `ConfigError` for another dtype.
   */
  async save(options: SaveModelOptions = {}): Promise<Map<string, Uint8Array>> {
    return savedFiles(this.#parts(), this.#description, options);
  }

  /** Frees the weights of all parts; safe to call twice. */
  dispose(): void {
    this.#disposed = true;
    this.vqvae.dispose();
    this.transformer.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    const { channels, height, width } = this.vqvae.imageShape;
    const { codebookSize, codeGrid, layout, words } = this.tokenizer.config;
    const codes = `${codeGrid.height * codeGrid.width} codes of ${codebookSize}`;
    const text = words.length === 0 ? "" : `, ${words.length} ${layout === "class" ? "classes" : "words"}`;
    const family = this.#description.diffusion ? ", diffusion" : "";
    return `MultimodalModel { images: ${height}×${width}×${channels}, ${codes}${text}${family} }`;
  }

  #parts(): ModelParts {
    if (this.#disposed) {
      throw new MmgenError("This MultimodalModel is disposed. Train or load another.");
    }
    return this;
  }

  #methods(): PairMethods {
    this.#parts();
    return this.#pairs;
  }
}
