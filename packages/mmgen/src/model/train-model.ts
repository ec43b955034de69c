import { ConfigError, type ImageBatch, Random, sliceImages } from "@mmgen/core";
import { MultimodalTokenizer, matchIds } from "@mmgen/multimodal-tokenizer";
import { parameterCount, TinyTransformer } from "@mmgen/tiny-transformer";
import { imageExamples, type TrainingHistory } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import { continuedConfig, extendTokenizer } from "../continuing/continued-config.js";
import { beginningId, checkContinuing } from "../continuing/known-model.js";
import { estimateMemory, type MemoryEstimate } from "../stages/estimate-memory.js";
import { checkEarlyStopping, vqVaeMetrics } from "../stages/evaluation-metrics.js";
import { estimateRefinement, refineVqVae } from "../stages/refine-vqvae.js";
import { learningRateSchedule, totalSteps } from "../stages/run-stage.js";
import { sharedCodes, storedCodes } from "../stages/stored-codes.js";
import { trainTransformer, transformerConfig } from "../stages/train-transformer.js";
import { copyOf, trainVqVae } from "../stages/train-vqvae.js";
import { checkFields, checkImages } from "./check-arguments.js";
import { type ImageSet, imageText } from "./image-text.js";
import { type ModelConfig, type ModelOptions, modelFields, resolveModelConfig } from "./model-options.js";
import { type ModelParts, modelFiles, runIdOf, tokenizerFile } from "./model-parts.js";
import { onlyOrder, withImageGrid } from "./stage-models.js";
import { stagesOf } from "./stage-surroundings.js";
import { codeFiles, type TrainOptions, trainFields } from "./train-options.js";
import { heldOutEvaluation, heldOutMetricNames, trainingSequences } from "./training-sequences.js";

/**
 * The configuration that a training's options stand for, images and what is said of them checked.
 *
 * @throws a `ConfigError` or `ShapeError` for what cannot be.
 */
export function checkedConfig(options: TrainOptions & ModelOptions): ModelConfig {
  checkFields("", options, [...trainFields, ...modelFields]);
  const { freeze, from, images } = options;
  checkImages(images);
  const text = imageText("images", options);
  checkContinuing({ from, freeze }, images);
  return from === undefined
    ? resolveModelConfig(options, images, text)
    : continuedConfig(options, { from, freeze, images, text });
}

/** Every step and epoch of the trainings of the image codec and the transformer. */
export interface ModelHistory {
  /** Empty where the image codec was frozen. */
  readonly vqvae: TrainingHistory;
  /** Absent where the image codec was trained once. */
  readonly refinement?: TrainingHistory;
  readonly transformer: TrainingHistory;
}

/** The memory that each training takes. */
export interface MemoryEstimates {
  /** Absent where the image codec is frozen. */
  readonly vqvae?: MemoryEstimate;
  /** Absent where the image codec is trained once. */
  readonly refinement?: MemoryEstimate;
  readonly transformer: MemoryEstimate;
}

/** The trained parts, and every step and epoch of their trainings. */
export interface TrainedParts {
  readonly parts: ModelParts;
  /** Id of the run, as it stands in the parts' files. */
  readonly run: string;
  readonly history: ModelHistory;
}

/** Held-out pairs that epochs are evaluated on, at most. */
const maxHeldOut = 1000;

/**
 * Trains image codec, then transformer; frees what it made where it fails.
 *
 * Everything that can be refused is refused before anything is trained.
 */
export async function trainParts(options: TrainOptions, resolved: ModelConfig): Promise<TrainedParts> {
  const { checkpoints, freeze, from, group, images, seed = 0, signal } = options;
  const { config, tokenizer } = planTraining(options, resolved);
  const { captions } = imageText("images", options);
  const held = options.heldOut && firstImages(options.heldOut);
  const stage = stagesOf(options, config, await beginningId(options));
  // The half of the id that is known before there are weights.
  const runId = (stored?: string) => runIdOf({ tokenizer }, stored);
  const { vqvae, history: vqvaeHistory } = freeze
    ? { vqvae: await copyOf(from!.vqvae), history: { steps: [], epochs: [] } }
    : await trainVqVae({
        ...{
          ...stage("vqvae", (vqvae: VqVae) => ({ tokenizer, vqvae })),
          training: config.vqvae.training,
          model: config.vqvae.model,
        },
        ...{ images, heldOut: held?.images, runId, from: from?.vqvae },
      });
  try {
    const { refinement: refining } = config.vqvae;
    const refinement =
      refining &&
      (await refineVqVae({
        ...{ images, captions: options.captions, classes: options.classes, heldOut: held?.images, vqvae },
        ...{
          training: refining,
          stage: (name) => stage(name, () => ({ tokenizer, vqvae })),
          runId,
          seed,
          signal,
          group,
        },
      }));
    // Processes of a group stop together, between two steps.
    const stop = group === undefined || group.size === 1 ? signal : undefined;
    const codesOf = (images: ImageBatch, name: string) =>
      sharedCodes(group, { vqvae, images }, () =>
        storedCodes({ vqvae, images, store: checkpoints, name, signal: stop }),
      );
    const pairs = { codes: await codesOf(images, codeFiles.images), captions };
    const heldOutPairs = held && {
      codes: await codesOf(held.images, codeFiles.heldOut),
      captions: held.captions,
    };
    // Last, so that what a training leaves tells its folder from that of a finished model.
    const run = await runIdOf({ vqvae, tokenizer });
    await checkpoints?.write(modelFiles.tokenizer, tokenizerFile(tokenizer));
    await checkpoints?.write(modelFiles.vqvae, await vqvae.toSafetensors({ run }));
    const { transformer, history: transformerHistory } = await trainTransformer({
      ...{
        ...stage("transformer", (transformer: TinyTransformer) => ({ tokenizer, vqvae, transformer })),
        training: config.transformer.training,
        runId: (stored) => runIdOf({ vqvae, tokenizer }, stored),
        model: config.transformer.model,
        tokenizer,
        from: from && { transformer: from.transformer, ids: matchIds(tokenizer, from.tokenizer) },
      },
      examples: trainingSequences(config, { tokenizer, ...pairs, seed }),
      evaluate: heldOutPairs && heldOutEvaluation(config, { tokenizer, ...heldOutPairs, signal }),
    });
    await checkpoints?.write(modelFiles.transformer, await transformer.toSafetensors({ run }));
    return {
      parts: { vqvae, tokenizer, transformer },
      run,
      history: { vqvae: vqvaeHistory, ...(refinement && { refinement }), transformer: transformerHistory },
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
  const { from, heldOut, images, seed = 0 } = options;
  const { captions, kind } = imageText("images", options);
  const held = heldOut && imageText("heldOut", heldOut);
  if (held !== undefined && held.kind !== kind) {
    throw new ConfigError(`heldOut: expected ${said[kind]}, as the images to train on have, got ${said[held.kind]}.`);
  }
  using untrained = newVqVae(resolved);
  const { codebookSize, codeGrid } = untrained;
  const isSurveyed = resolved.tokenizer.words === undefined && kind !== "none";
  const words = isSurveyed ? { captions: [...captions, ...(held?.captions ?? [])] } : {};
  const own = MultimodalTokenizer.create({ codebookSize, codeGrid, ...words, ...resolved.tokenizer });
  const isLengthGiven = resolved.tokenizer.captionLength !== undefined;
  const tokenizer = from ? extendTokenizer(own, from.tokenizer, { isLengthGiven }) : own;
  const model = withImageGrid(resolved.transformer.model, tokenizer, onlyOrder(resolved));
  const config = { ...resolved, transformer: { ...resolved.transformer, model } };
  parameterCount(transformerConfig(config.transformer.model, tokenizer));
  // One pair of codes 0 shows whether captions, weights and orders can be written.
  const codes = { data: new Int32Array(codeGrid.height * codeGrid.width), count: 1, ...codeGrid };
  trainingSequences(config, { tokenizer, codes, captions: captions.slice(0, 1), of: images.count, seed });
  const trainings = [
    ["vqvae.training", config.vqvae.training, vqVaeMetrics],
    ["vqvae.refinement", config.vqvae.refinement, vqVaeMetrics],
    ["transformer.training", config.transformer.training, heldOutMetricNames(config)],
  ] as const;
  for (const [path, training, metrics] of trainings) {
    if (training !== undefined) {
      learningRateSchedule(training, totalSteps(training, images.count));
      checkEarlyStopping(training, path, heldOut && metrics);
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
export async function estimateParts(options: TrainOptions, resolved: ModelConfig): Promise<MemoryEstimates> {
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
  const { refinement } = config.vqvae;
  return {
    ...(options.freeze === undefined && {
      vqvae: await estimateMemory({ model: vqvae, examples: images, training: config.vqvae.training }),
    }),
    ...(refinement && { refinement: await estimateRefinement(vqvae, { examples: images, training: refinement }) }),
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

function firstImages(set: ImageSet) {
  const count = Math.min(maxHeldOut, set.images.count);
  return { images: sliceImages(set.images, 0, count), captions: imageText("heldOut", set).captions.slice(0, count) };
}
