import { ConfigError, fingerprint, Random, sliceImages } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { parameterCount, TinyTransformer } from "@mmgen/tiny-transformer";
import { imageExamples, type TrainingHistory, type TrainingObserver } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import { estimateMemory, type MemoryEstimate } from "../stages/estimate-memory.js";
import { learningRateSchedule, type StageOptions, totalSteps } from "../stages/run-stage.js";
import { storedCodes } from "../stages/stored-codes.js";
import { trainTransformer, transformerConfig } from "../stages/train-transformer.js";
import { trainVqVae } from "../stages/train-vqvae.js";
import { checkFields, checkImages } from "./check-arguments.js";
import { type ImageSet, imageText } from "./image-text.js";
import { type ModelConfig, type ModelOptions, modelFields, resolveModelConfig } from "./model-options.js";
import { type ModelParts, modelFiles, type ReadModelFile, runIdOf, tokenizerFile } from "./model-parts.js";
import { onlyOrder, withImageGrid } from "./stage-models.js";
import { heldOutEvaluation, trainingSequences } from "./training-sequences.js";

/** Where a training keeps its state and its finished parts, by name. */
export interface CheckpointStore {
  /** A file's bytes, or undefined where there is none. */
  readonly read: ReadModelFile;
  /** Writes a file, all or nothing. */
  readonly write: (name: string, bytes: Uint8Array) => Promise<void>;
  /** Writes a training's state every so many steps too, not only after each epoch, by time and at the end. */
  readonly everySteps?: number | undefined;
  /** Seconds after which a state is written within an epoch. Default 600. */
  readonly everySeconds?: number | undefined;
}

/** The stages that train: the image codec, then the transformer. */
export type StageName = "vqvae" | "transformer";

/** Names of the files that hold a stage's training state. */
export const trainingFiles = {
  vqvae: "vqvae-training.safetensors",
  transformer: "transformer-training.safetensors",
} as const satisfies Record<StageName, string>;

/** Names of the files that hold the codes of the images, so that a training that goes on need not encode them again. */
export const codeFiles = {
  images: "codes-training.safetensors",
  heldOut: "held-out-codes-training.safetensors",
} as const;

/** Data and surroundings of a training. */
export interface TrainOptions extends ImageSet {
  /** Images, with what the others have, to evaluate on before training and after each epoch; never trained on. Default: none. */
  readonly heldOut?: ImageSet | undefined;
  /** Seed of everything random: first weights, order of examples, dropout. Default 0. */
  readonly seed?: number | undefined;
  /** Told of both trainings, one after the other; a function gives each stage its own. Default: none. */
  readonly observers?: readonly TrainingObserver[] | ((stage: StageName) => readonly TrainingObserver[]) | undefined;
  /** Stops after the step at hand with an `AbortedError`; with `checkpoints` the same call goes on from there. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Where state and finished parts are kept; `trainInto` of `mmgen/node` keeps them in a folder. Default: none. */
  readonly checkpoints?: CheckpointStore | undefined;
}

/** Names of the fields of {@link TrainOptions}. */
export const trainFields = [
  ...["images", "captions", "classes", "heldOut", "seed", "observers", "signal", "checkpoints"],
] as const;

/**
 * The configuration that a training's options stand for, images and what is said of them checked.
 *
 * @throws a `ConfigError` or `ShapeError` for what cannot be.
 */
export function checkedConfig(options: TrainOptions & ModelOptions): ModelConfig {
  checkFields("", options, [...trainFields, ...modelFields]);
  checkImages(options.images);
  return resolveModelConfig(options, options.images, imageText("images", options));
}

/** The trained parts, and every step and epoch of their trainings. */
export interface TrainedParts {
  readonly parts: ModelParts;
  /** Id of the run, as it stands in the parts' files. */
  readonly run: string;
  readonly history: Readonly<Record<StageName, TrainingHistory>>;
}

/** Held-out pairs that epochs are evaluated on, at most. */
const maxHeldOut = 1000;

/**
 * Trains image codec, then transformer; frees what it made where it fails.
 *
 * Everything that can be refused is refused before anything is trained.
 */
export async function trainParts(options: TrainOptions, resolved: ModelConfig): Promise<TrainedParts> {
  const { checkpoints, images, seed = 0, signal } = options;
  const { config, tokenizer } = planTraining(options, resolved);
  const { captions } = imageText("images", options);
  const held = options.heldOut && firstImages(options.heldOut);
  const stage = stagesOf(options, config);
  const { vqvae, history: vqvaeHistory } = await trainVqVae({
    ...{ ...stage("vqvae"), model: config.vqvae.model, images, heldOut: held?.images },
    // The half of the id that is known before there are weights.
    runId: (stored) => runIdOf({ tokenizer }, stored),
  });
  try {
    const run = await runIdOf({ vqvae, tokenizer });
    await checkpoints?.write(modelFiles.tokenizer, tokenizerFile(tokenizer));
    await checkpoints?.write(modelFiles.vqvae, await vqvae.toSafetensors({ run }));
    const coded = { vqvae, store: checkpoints };
    const pairs = { codes: await storedCodes({ ...coded, images, name: codeFiles.images }), captions };
    const heldOutPairs = held && {
      codes: await storedCodes({ ...coded, images: held.images, name: codeFiles.heldOut }),
      captions: held.captions,
    };
    const { transformer, history: transformerHistory } = await trainTransformer({
      ...{
        ...stage("transformer"),
        runId: (stored) => runIdOf({ vqvae, tokenizer }, stored),
        model: config.transformer.model,
        tokenizer,
      },
      examples: trainingSequences(config, { tokenizer, ...pairs, seed }),
      evaluate: heldOutPairs && heldOutEvaluation(config, { tokenizer, ...heldOutPairs, signal }),
    });
    await checkpoints?.write(modelFiles.transformer, await transformer.toSafetensors({ run }));
    return {
      parts: { vqvae, tokenizer, transformer },
      run,
      history: { vqvae: vqvaeHistory, transformer: transformerHistory },
    };
  } catch (error) {
    vqvae.dispose();
    throw error;
  }
}

/** The tokenizer of the codes and captions to come, and the configuration that hangs on it, all checked. */
function planTraining(
  options: TrainOptions,
  resolved: ModelConfig,
): { readonly tokenizer: MultimodalTokenizer; readonly config: ModelConfig } {
  const { heldOut, images, seed = 0 } = options;
  const { captions, kind } = imageText("images", options);
  const held = heldOut && imageText("heldOut", heldOut);
  if (held !== undefined && held.kind !== kind) {
    throw new ConfigError(`heldOut: expected ${said[kind]}, as the images to train on have, got ${said[held.kind]}.`);
  }
  using untrained = newVqVae(resolved);
  const { codebookSize, codeGrid } = untrained;
  const isSurveyed = resolved.tokenizer.words === undefined && kind !== "none";
  const words = isSurveyed ? { captions: [...captions, ...(held?.captions ?? [])] } : {};
  const tokenizer = MultimodalTokenizer.create({ codebookSize, codeGrid, ...words, ...resolved.tokenizer });
  const model = withImageGrid(resolved.transformer.model, tokenizer, onlyOrder(resolved));
  const config = { ...resolved, transformer: { ...resolved.transformer, model } };
  parameterCount(transformerConfig(config.transformer.model, tokenizer));
  // One pair of codes 0 shows whether captions, weights and orders can be written.
  const codes = { data: new Int32Array(codeGrid.height * codeGrid.width), count: 1, ...codeGrid };
  trainingSequences(config, { tokenizer, codes, captions: captions.slice(0, 1), of: images.count, seed });
  for (const [name, { training }] of [["vqvae", config.vqvae] as const, ["transformer", config.transformer] as const]) {
    const steps = totalSteps(training, images.count);
    learningRateSchedule(training, steps);
    if (training.earlyStopping !== undefined && heldOut === undefined) {
      throw new ConfigError(`${name}.training.earlyStopping: needs heldOut, whose metrics it watches.`);
    }
  }
  return { tokenizer, config };
}

const said = { captions: "captions", classes: "classes", none: "images alone" };

/**
 * Estimates the memory of both trainings, with models that are made for it and freed.
 *
 * @throws as {@link trainParts} for what it would refuse.
 */
export async function estimateParts(
  options: TrainOptions,
  resolved: ModelConfig,
): Promise<Readonly<Record<StageName, MemoryEstimate>>> {
  const { config, tokenizer } = planTraining(options, resolved);
  const { captions } = imageText("images", options);
  const count = Math.min(2, options.images.count);
  using vqvae = newVqVae(config);
  const images = imageExamples(sliceImages(options.images, 0, count));
  const { model, training } = config.transformer;
  using transformer = TinyTransformer.create(transformerConfig(model, tokenizer), { random: Random.fromSeed(0) });
  const { codeGrid } = vqvae;
  const codes = { data: new Int32Array(count * codeGrid.height * codeGrid.width), count, ...codeGrid };
  const pairs = { codes, captions: captions.slice(0, count), of: options.images.count };
  const examples = trainingSequences(config, { tokenizer, ...pairs, seed: 0 });
  return {
    vqvae: await estimateMemory({ model: vqvae, examples: images, training: config.vqvae.training }),
    transformer: await estimateMemory({ model: transformer, examples, training }),
  };
}

function newVqVae({ vqvae }: ModelConfig): VqVae {
  try {
    return VqVae.create(vqvae.model, { random: Random.fromSeed(0) });
  } catch (error) {
    if (error instanceof RangeError) {
      throw new ConfigError(`vqvae: its weights do not fit into memory (${error.message}). Use a smaller network.`, {
        cause: error,
      });
    }
    throw error;
  }
}

/** What each stage takes from the options and the configuration. */
function stagesOf(options: TrainOptions, config: ModelConfig): (name: StageName) => StageOptions {
  const { checkpoints, heldOut, images, observers = [], seed = 0, signal } = options;
  // The sampler is no part of the training.
  const diffusion = config.diffusion && { kernel: config.diffusion.kernel, tasks: config.diffusion.tasks };
  const texts = [options, ...(heldOut ? [heldOut] : [])].map((set) => imageText("images", set).captions);
  // Without held-out pairs there is a null.
  const text = new TextEncoder().encode(JSON.stringify([texts[0], texts[1]]));
  const data = fingerprint([images.data, text]);
  const dataLike = (stored: unknown) => (stored === data ? data : fingerprint([images.data, text], stored));
  return (name) => ({
    ...{ seed, signal, training: config[name].training },
    configuration: (stored) => ({
      data: stored === undefined ? data : dataLike(stored.data),
      [name]: config[name].model,
      ...(name === "transformer" && { sequences: config.sequences, ...(diffusion && { diffusion }) }),
    }),
    observers: typeof observers === "function" ? observers(name) : observers,
    checkpoint: checkpoints && {
      read: async () => checkpoints.read(trainingFiles[name]),
      write: (state) => checkpoints.write(trainingFiles[name], state),
      everySteps: checkpoints.everySteps,
      everySeconds: checkpoints.everySeconds,
    },
  });
}

function firstImages(set: ImageSet) {
  const count = Math.min(maxHeldOut, set.images.count);
  return { images: sliceImages(set.images, 0, count), captions: imageText("heldOut", set).captions.slice(0, count) };
}
