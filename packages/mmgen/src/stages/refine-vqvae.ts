import { type ExampleSource, type ImageBatch, Random } from "@mmgen/core";
import { fields, number, optional, positiveNumber, resolveOptions, wholeNumber } from "@mmgen/core/options";
import { AttributeClassifier } from "@mmgen/evaluation";
import { constantSchedule, imageExamples, type TrainingHistory } from "@mmgen/training";
import { AdversarialVqVae, type VqVae } from "@mmgen/vqvae";
import { checkFields } from "../model/check-arguments.js";
import { type ImageSet, imageText } from "../model/image-text.js";
import { estimateMemory, type MemoryEstimate } from "./estimate-memory.js";
import { vqVaeMetrics } from "./evaluation-metrics.js";
import {
  resolveTrainingSettings,
  runStage,
  type StageOptions,
  type TrainingSettings,
  totalSteps,
  trainingFields,
} from "./run-stage.js";
import { saidAttributes } from "./said-attributes.js";
import { trainAttributeClassifier } from "./train-attribute-classifier.js";
import { evaluateVqVae } from "./train-vqvae.js";

/** How an image codec goes on learning: how long, and by what. */
export interface RefinementSettings extends TrainingSettings {
  /** Training steps of the classifier whose layers compare reconstructions with originals. */
  readonly classifierSteps: number;
  /** Weight of the distance of its layers, beside the squared error. Default 10. */
  readonly classifierWeight?: number | undefined;
  /** Weight of being taken for an original by a discriminator. Default 0.04. */
  readonly adversarialWeight?: number | undefined;
  /** First channels of the discriminator, which double by level. Default 32. */
  readonly discriminatorChannels?: number | undefined;
  /** The discriminator's learning rate, per step. Default 5e-4. */
  readonly discriminatorLearningRate?: number | undefined;
}

const ownEntries = {
  classifierSteps: wholeNumber({ min: 1 }),
  classifierWeight: optional(number({ min: 0 }), 10),
  adversarialWeight: optional(number({ min: 0 }), 0.04),
  discriminatorChannels: optional(wholeNumber({ min: 1 }), 32),
  discriminatorLearningRate: optional(positiveNumber(), 5e-4),
};
const ownSchema = fields(ownEntries);

/** Names of the fields of {@link RefinementSettings}. */
export const refinementFields = [...trainingFields, ...Object.keys(ownEntries)];

/** The two trainings of a refinement, in order. */
export type RefinementStage = "captionClassifier" | "refinement";

/** Options of {@link refineVqVae}. */
export interface RefineVqVaeOptions extends Pick<StageOptions, "runId" | "seed" | "signal" | "group">, ImageSet {
  /** With the head `regression`; trained in place. Borrowed. */
  readonly vqvae: VqVae;
  readonly training: RefinementSettings;
  /** Images to evaluate on before training and after each epoch; borrowed. Default: no evaluation. */
  readonly heldOut?: ImageBatch | undefined;
  /** What each of the two trainings is told of, and where it keeps its state. Default: nothing, nowhere. */
  readonly stage?:
    | ((name: RefinementStage) => Pick<StageOptions, "checkpoint" | "configuration" | "observers">)
    | undefined;
}

/**
 * Trains an image codec further, so that its images show what is said of them and look sharp: against a discriminator, and
 * by the layers of a classifier that learns what captions say, or the classes, and is then dropped. By squared error alone
 * a detail of few pixels, such as glasses, is worth nothing.
 *
 * @returns The history of the codec's training; `undefined` where nothing is said that tells images apart, and the codec
 *   stays as it is.
 * @throws a `ConfigError` when the settings cannot be, or the codec has another head.
 * @throws an `AbortedError` when the signal fires; the checkpoint is then written.
 */
export async function refineVqVae(options: RefineVqVaeOptions): Promise<TrainingHistory | undefined> {
  const names = ["vqvae", "training", "images", "captions", "classes", "heldOut", "stage", "runId", "seed", "signal"];
  checkFields("refineVqVae", options, [...names, "group"]);
  const { group, heldOut, images, runId, seed, signal, vqvae } = options;
  const { classifierSteps, ...settings } = resolveRefinement(options.training);
  const said = saidAttributes(imageText("images", options));
  if (said === undefined) {
    return undefined;
  }
  const stage = (name: RefinementStage) => ({ ...options.stage?.(name), runId, signal, group });
  using classifier = await trainAttributeClassifier({
    ...{ ...stage("captionClassifier"), ...said, images, steps: classifierSteps, trunk: "image" },
    // Not the one that a classifier to measure with has, which must see otherwise.
    seed: (seed + 1) >>> 0,
  });
  const random = Random.fromSeed(seed).fork("refinement");
  using model = refiner(vqvae, settings, {
    count: images.count,
    random: random.fork("weights"),
    features: (pixels) => classifier.layers(pixels),
  });
  return await runStage({
    ...{ ...stage("refinement"), seed, training: settings.training, label: "refined image codec", model },
    examples: imageExamples(images),
    random: random.fork("training"),
    evaluate: heldOut && (() => evaluateVqVae(vqvae, heldOut, { ...settings.training, signal })),
    stoppingMetric: vqVaeMetrics[0],
    adversary: {
      optimizer: { beta1: 0.5, beta2: 0.9, weightDecay: 0 },
      schedule: constantSchedule(settings.discriminatorLearningRate),
    },
  });
}

/** A refinement's settings as they are used. */
export type ResolvedRefinement = ReturnType<typeof resolveRefinement>;

/**
 * Checks settings field by field.
 *
 * @param path - The name under which the caller knows them.
 * @throws a `ConfigError` naming the fields that are unknown, missing or out of range.
 */
export function resolveRefinement(settings: RefinementSettings, path = "training") {
  const { own, training } = partsOf(settings);
  return {
    ...resolveOptions(ownSchema, own as typeof own & Pick<RefinementSettings, "classifierSteps">, { path }),
    training: resolveTrainingSettings(training as TrainingSettings, path),
  };
}

/** What a refinement's settings say beside those of every training. */
export function partsOf(settings: Partial<RefinementSettings>): {
  readonly own: Partial<Omit<RefinementSettings, keyof TrainingSettings>>;
  readonly training: Partial<TrainingSettings>;
} {
  const given = Object.entries(settings).filter(([, field]) => field !== undefined);
  const isOwn = ([name]: [string, unknown]) => name in ownEntries;
  return {
    own: Object.fromEntries(given.filter(isOwn)),
    training: Object.fromEntries(given.filter((entry) => !isOwn(entry))),
  };
}

/**
 * The codec with what it learns from: the classifier's layers from the first step, the discriminator a little later.
 *
 * @param parts - `count`: examples that there are.
 */
export function refiner(
  vqvae: VqVae,
  settings: Omit<ResolvedRefinement, "classifierSteps">,
  { count, ...parts }: Parameters<typeof AdversarialVqVae.create>[2] & { readonly count: number },
): AdversarialVqVae {
  const { adversarialWeight, classifierWeight, discriminatorChannels, training } = settings;
  const steps = totalSteps(training, count);
  const options = {
    discriminator: { baseChannels: discriminatorChannels },
    perceptual: { features: "own", weight: classifierWeight },
    weighting: { type: "constant", weight: adversarialWeight },
    startStep: Math.min(startSteps, steps >> 3),
    rampSteps: Math.min(4 * startSteps, steps >> 2),
  } as const;
  return AdversarialVqVae.create(vqvae, options, parts);
}

/** Steps in which the discriminator learns alone, at most. */
const startSteps = 100;

/** What {@link estimateRefinement} takes. */
export interface EstimateRefinementOptions {
  /** One or two. */
  readonly examples: ExampleSource<ImageBatch>;
  readonly training: RefinementSettings;
}

/** Estimates the memory of a codec's refinement, with a discriminator and a classifier that are made for it and freed. */
export async function estimateRefinement(
  vqvae: VqVae,
  { examples, training }: EstimateRefinementOptions,
): Promise<MemoryEstimate> {
  const random = Random.fromSeed(0);
  const { channels, height, width } = vqvae.imageShape;
  const form = { attributes: [{ name: "said", classes: 2 }], height, width, channels, trunk: "image" } as const;
  using classifier = AttributeClassifier.create({ ...form, maxValue: vqvae.config.maxValue }, { random });
  const { training: settings, ...own } = resolveRefinement(training);
  using model = refiner(
    vqvae,
    { ...own, training: settings },
    { count: settings.batchSize, random, features: (pixels) => classifier.layers(pixels) },
  );
  return await estimateMemory({ model, examples, training: settings });
}
