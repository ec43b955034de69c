import { ConfigError } from "@mmgen/core";
import {
  boolean,
  type ConfigOf,
  fields,
  listOf,
  number,
  oneOf,
  optional,
  positiveNumber,
  text,
  wholeNumber,
} from "@mmgen/core/options";
import { defineRuns, type FlagsOf, fromCaller, type SettingsOf } from "@mmgen/example-harness";
import { parameterCount } from "@mmgen/tiny-transformer";
import { learningRateSchedule, type TrainingSettings, transformerConfig } from "mmgen";
import { lineTokenizer } from "./lines.js";

const size = wholeNumber({ min: 1 });
const rate = positiveNumber();
const notNegative = number({ min: 0 });

const optimization = {
  batchSize: size,
  learningRate: rate,
  /** Where the learning rate ends, along a cosine. */
  finalLearningRate: notNegative,
  /** Steps over which the learning rate climbs first. */
  warmUpSteps: wholeNumber({ min: 0 }),
  weightDecay: notNegative,
  clipNorm: rate,
};

/** Every choice of a run that shapes its result. */
export const vlmConfigSchema = fields({
  data: fields({
    /** The first of the training files. */
    trainCount: size,
    /** The last of the training files. */
    validationCount: size,
    /** The first of the test files. */
    testCount: size,
  }),
  vqvae: fields({
    /** Widths of the encoder's hidden layers; the decoder mirrors them. */
    hidden: listOf(size),
    latentActivation: oneOf(["none", "relu"]),
    /** Codes of an image, a letter each. */
    chunks: size,
    /** Distinct letters. */
    codebookSize: wholeNumber({ min: 2, max: 26 }),
    codeDimension: size,
    /** Whether a letter means the same at every place, or each place has a codebook of its own. */
    sharedCodebook: boolean(),
    codebook: oneOf(["ema", "gradient"]),
    commitmentWeight: notNegative,
    deadCodeThreshold: notNegative,
    /** The most epochs. */
    epochs: size,
    /** Epochs without a smaller validation error after which training ends with the best weights; absent: never. */
    patience: optional(size),
    ...optimization,
  }),
  transformer: fields({
    width: size,
    heads: size,
    layers: size,
    dropout: number({ min: 0, max: 0.9 }),
    tiedWeights: boolean(),
    /** Whether linear layers and layer norms add a bias. */
    bias: boolean(),
    steps: size,
    beta2: number({ above: 0, below: 1 }),
    ...optimization,
    /** Weight of the digit's loss; a letter's is 1. */
    digitWeight: rate,
    /** Multiplies the weight of a line's first part: the letters where the digit is asked for, the digit where an image is. */
    promptWeight: notNegative,
    /**
     * When it is drawn whether a line puts the image or the digit first: `once` for all steps, or `anew` each time it is
     * seen. Prepared lines keep the order they have with `once`.
     */
    orders: oneOf(["once", "anew"]),
    /** Steps after which the model is kept, to be evaluated; the last is always. */
    checkpoints: listOf(size),
  }),
  sampling: fields({ temperature: notNegative, topP: number({ above: 0, max: 1 }) }),
  evaluation: fields({
    /** Images of each digit that the last model draws to be scored. */
    drawnPerDigit: size,
    /** Images of each digit shown of every checkpoint. */
    shownPerDigit: size,
    /** Training steps of the attribute classifier that scores them. */
    classifierSteps: size,
    /** Test images whose latents are laid out in the plane. */
    embedded: size,
  }),
});

export type VlmConfig = ConfigOf<typeof vlmConfigSchema>;

const quick: VlmConfig = {
  data: { trainCount: 50_000, validationCount: 10_000, testCount: 10_000 },
  vqvae: {
    ...{ hidden: [512, 256], latentActivation: "none", chunks: 8, codebookSize: 26, codeDimension: 8 },
    ...{ sharedCodebook: false, codebook: "ema", commitmentWeight: 0.25, deadCodeThreshold: 0.1 },
    ...{ epochs: 24, patience: 5, batchSize: 256, learningRate: 2e-3, finalLearningRate: 0 },
    ...{ warmUpSteps: 100, weightDecay: 0, clipNorm: 1 },
  },
  transformer: {
    ...{ width: 128, heads: 16, layers: 4, dropout: 0, tiedWeights: false, bias: true },
    ...{ steps: 6000, beta2: 0.99, batchSize: 64, learningRate: 1e-3, finalLearningRate: 0 },
    ...{ warmUpSteps: 100, weightDecay: 0.1, clipNorm: 1 },
    ...{ digitWeight: 5, promptWeight: 1, orders: "anew", checkpoints: [500, 1000, 2000, 4000, 6000] },
  },
  sampling: { temperature: 0.7, topP: 0.9 },
  evaluation: { drawnPerDigit: 100, shownPerDigit: 12, classifierSteps: 800, embedded: 2000 },
};

const smoke: VlmConfig = {
  data: { trainCount: 512, validationCount: 128, testCount: 128 },
  vqvae: { ...quick.vqvae, hidden: [32], codeDimension: 4, epochs: 2, batchSize: 128, warmUpSteps: 2 },
  transformer: {
    ...quick.transformer,
    ...{ width: 32, heads: 2, layers: 2, steps: 8, batchSize: 64, warmUpSteps: 2, checkpoints: [4, 8] },
  },
  sampling: quick.sampling,
  evaluation: { drawnPerDigit: 2, shownPerDigit: 2, classifierSteps: 10, embedded: 64 },
};

const original: VlmConfig = {
  data: quick.data,
  vqvae: {
    ...{ hidden: [128], latentActivation: "relu", chunks: 8, codebookSize: 26, codeDimension: 4 },
    ...{ sharedCodebook: true, codebook: "gradient", commitmentWeight: 0.25, deadCodeThreshold: 0 },
    ...{ epochs: 50, patience: 3, batchSize: 128, learningRate: 2e-4, finalLearningRate: 2e-4 },
    ...{ warmUpSteps: 0, weightDecay: 0, clipNorm: 1e6 },
  },
  transformer: {
    ...{ width: 384, heads: 8, layers: 8, dropout: 0.2, tiedWeights: true, bias: false },
    ...{ steps: 5000, beta2: 0.99, batchSize: 256, learningRate: 1e-3, finalLearningRate: 1e-4 },
    ...{ warmUpSteps: 100, weightDecay: 0.1, clipNorm: 1 },
    ...{ digitWeight: 1, promptWeight: 1, orders: "once", checkpoints: [500, 1000, 2000, 3000, 4000, 5000] },
  },
  sampling: { temperature: 0.8, topP: 1 },
  evaluation: { drawnPerDigit: 100, shownPerDigit: 20, classifierSteps: 800, embedded: 2000 },
};

/**
 * Sizes and schedules: `smoke` runs in seconds for CI, `quick` in about a quarter of an hour, `original` has the published
 * system's sizes and schedule and takes hours.
 */
export const presets = { smoke, quick, original } as const satisfies Record<string, VlmConfig>;

/** What a run may be asked to do. */
export const runs = defineRuns({
  configSchema: vlmConfigSchema,
  presets,
  data: ["auto", "mnist", "procedural"],
  own: {
    fields: {
      /** The file of prepared lines, where the run trains on these. */
      lines: optional(text()),
    },
    resolve: ({ data, lines }) => {
      if (lines !== undefined && data !== undefined) {
        throw new ConfigError("--lines trains on lines alone, without images: leave out --data.");
      }
      return lines === undefined ? {} : { lines: fromCaller(lines) };
    },
  },
  fromOlderVersion,
});

/** What a run was asked to do; kept beside its checkpoints so that a resume does the same. */
export type RunSettings = SettingsOf<typeof runs>;

/** The options of a training run, as typed. */
export type TrainFlags = FlagsOf<typeof runs>;

/** Settings written when `vqvae` was called `tokenizer`, and `transformer.orders` `task`. */
function fromOlderVersion(json: unknown): unknown {
  const { config, ...settings } = json as { config?: { tokenizer?: unknown; transformer?: { task?: unknown } } };
  if (config?.tokenizer === undefined) {
    return json;
  }
  const { tokenizer: vqvae, transformer: { task: orders, ...transformer } = {}, ...others } = config;
  return { ...settings, config: { ...others, vqvae, transformer: { ...transformer, orders } } };
}

/**
 * Refuses what the transformer cannot be trained with, before the VQ-VAE is trained.
 *
 * @throws a {@link ConfigError} naming the part of the configuration that does not fit the others.
 */
export function checkConfig({ config: { data, transformer, vqvae }, lines }: RunSettings): void {
  const { chunks, codebookSize } = vqvae;
  const tokenizer = named(`vqvae.chunks ${chunks}`, () => lineTokenizer(codebookSize, chunks));
  named("transformer", () => {
    parameterCount(transformerConfig(modelOf(transformer), tokenizer));
    learningRateSchedule(trainingOf(transformer), transformer.steps);
  });
  if (lines === undefined && transformer.batchSize > data.trainCount) {
    throw new ConfigError(
      `transformer.batchSize: expected at most data.trainCount, ${data.trainCount}, got ${transformer.batchSize}.`,
    );
  }
}

/** What `build` makes, its errors under the name that the configuration file has for it. */
function named<Part>(name: string, build: () => Part): Part {
  try {
    return build();
  } catch (error) {
    throw ConfigError.isInstance(error) ? new ConfigError(`${name}: ${error.message}`, { cause: error }) : error;
  }
}

/** The transformer's architecture. */
export function modelOf({ width, heads, layers, dropout, tiedWeights, bias }: VlmConfig["transformer"]) {
  return { width, heads, layers, dropout, tiedWeights, bias };
}

/** How either model is optimized; how long is up to the caller. */
export function trainingOf(config: VlmConfig["transformer"] | VlmConfig["vqvae"]): TrainingSettings {
  const { batchSize, clipNorm, finalLearningRate, learningRate, warmUpSteps, weightDecay } = config;
  const optimizer = { batchSize, clipNorm, finalLearningRate, learningRate, warmUpSteps, weightDecay };
  return "beta2" in config ? { ...optimizer, beta2: config.beta2 } : optimizer;
}

/** Steps after which the transformer is kept, in order, the last among them. */
export function checkpointSteps({ checkpoints, steps }: VlmConfig["transformer"]): number[] {
  return [...new Set([...checkpoints.filter((step) => step < steps), steps])].sort((a, b) => a - b);
}
