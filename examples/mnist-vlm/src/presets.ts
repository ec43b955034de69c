import type { VlmConfig } from "./config.js";

/** What `--preset` takes. */
export const presetNames = ["smoke", "quick", "original"] as const;
export type PresetName = (typeof presetNames)[number];

const quick: VlmConfig = {
  data: { trainCount: 50_000, validationCount: 10_000, testCount: 10_000 },
  tokenizer: {
    hidden: [512, 256],
    latentActivation: "none",
    chunks: 8,
    codebookSize: 26,
    codeDimension: 8,
    sharedCodebook: false,
    codebook: "ema",
    commitmentWeight: 0.25,
    deadCodeThreshold: 0.1,
    epochs: 24,
    patience: 5,
    batchSize: 256,
    learningRate: 2e-3,
    finalLearningRate: 0,
    warmUpSteps: 100,
    weightDecay: 0,
    clipNorm: 1,
  },
  transformer: {
    width: 128,
    heads: 16,
    layers: 4,
    dropout: 0,
    tiedWeights: false,
    bias: true,
    steps: 6000,
    beta2: 0.99,
    batchSize: 64,
    learningRate: 1e-3,
    finalLearningRate: 0,
    warmUpSteps: 100,
    weightDecay: 0.1,
    clipNorm: 1,
    digitWeight: 5,
    promptWeight: 1,
    task: "anew",
    checkpoints: [500, 1000, 2000, 4000, 6000],
  },
  sampling: { temperature: 0.7, topP: 0.9 },
  evaluation: { drawnPerDigit: 100, shownPerDigit: 12, classifierSteps: 800, embedded: 2000 },
};

/**
 * Sizes and schedules: `smoke` runs in seconds for CI, `quick` in about a quarter of an hour, `original` has the published
 * system's sizes and schedule and takes hours.
 */
export const presets: Readonly<Record<PresetName, VlmConfig>> = {
  smoke: {
    data: { trainCount: 512, validationCount: 128, testCount: 128 },
    tokenizer: { ...quick.tokenizer, hidden: [32], codeDimension: 4, epochs: 2, batchSize: 128, warmUpSteps: 2 },
    transformer: {
      ...quick.transformer,
      ...{ width: 32, heads: 2, layers: 2, steps: 8, batchSize: 64, warmUpSteps: 2, checkpoints: [4, 8] },
    },
    sampling: quick.sampling,
    evaluation: { drawnPerDigit: 2, shownPerDigit: 2, classifierSteps: 10, embedded: 64 },
  },
  quick,
  original: {
    data: quick.data,
    tokenizer: {
      hidden: [128],
      latentActivation: "relu",
      chunks: 8,
      codebookSize: 26,
      codeDimension: 4,
      sharedCodebook: true,
      codebook: "gradient",
      commitmentWeight: 0.25,
      deadCodeThreshold: 0,
      epochs: 50,
      patience: 3,
      batchSize: 128,
      learningRate: 2e-4,
      finalLearningRate: 2e-4,
      warmUpSteps: 0,
      weightDecay: 0,
      clipNorm: 1e6,
    },
    transformer: {
      width: 384,
      heads: 8,
      layers: 8,
      dropout: 0.2,
      tiedWeights: true,
      bias: false,
      steps: 5000,
      beta2: 0.99,
      batchSize: 256,
      learningRate: 1e-3,
      finalLearningRate: 1e-4,
      warmUpSteps: 100,
      weightDecay: 0.1,
      clipNorm: 1,
      digitWeight: 1,
      promptWeight: 1,
      task: "once",
      checkpoints: [500, 1000, 2000, 3000, 4000, 5000],
    },
    sampling: { temperature: 0.8, topP: 1 },
    evaluation: { drawnPerDigit: 100, shownPerDigit: 20, classifierSteps: 800, embedded: 2000 },
  },
};
