import type { RunConfig } from "./config.js";

/** What `--preset` takes. */
export const presetNames = ["smoke", "quick", "hour", "grid", "full"] as const;
export type PresetName = (typeof presetNames)[number];

const quick: RunConfig = {
  data: { trainCount: 50_000, testCount: 1_000 },
  tokenizer: {
    composition: "figure-ground",
    palettePlace: "before",
    network: { hiddenChannels: 48, stages: 3, residualBlocks: 2, attentionHeads: 2 },
    quantizer: { codebookSize: 256, codeDimension: 16, codebook: "ema", commitmentWeight: 0.25 },
    head: "categorical",
    epochs: 2,
    batchSize: 64,
    learningRate: 2e-3,
    warmUpSteps: 50,
    clipNorm: 1,
    weightDecay: 0,
  },
  transformer: {
    width: 128,
    heads: 4,
    layers: 4,
    dropout: 0,
    epochs: 5,
    batchSize: 64,
    learningRate: 2e-3,
    warmUpSteps: 100,
    clipNorm: 1,
    weightDecay: 0.01,
    textWeight: 2,
    textFirstShare: 0.5,
  },
  sampling: { temperature: 0.8, topP: 0.9 },
  evaluation: { samples: 200, classifierSteps: 1000 },
};

const hour: RunConfig = {
  data: { trainCount: 55_000, testCount: 10_000 },
  tokenizer: { ...quick.tokenizer, epochs: 4 },
  transformer: {
    ...quick.transformer,
    width: 192,
    heads: 6,
    layers: 5,
    dropout: 0.1,
    epochs: 14,
    learningRate: 1.5e-3,
    warmUpSteps: 400,
    weightDecay: 0.05,
  },
  sampling: quick.sampling,
  evaluation: { samples: 1000, classifierSteps: 2000 },
};

/**
 * Sizes and schedules: `smoke` runs in seconds for CI, `quick` in minutes, `hour` in an hour at the best quality, `grid`
 * in an hour and a half with codes in original A's 7×7 grid; `full` has the sizes of original A and takes eight hours.
 */
export const presets: Readonly<Record<PresetName, RunConfig>> = {
  smoke: {
    data: { trainCount: 512, testCount: 128 },
    tokenizer: {
      ...quick.tokenizer,
      network: { hiddenChannels: 16, stages: 3, residualBlocks: 1, attentionHeads: 2 },
      quantizer: { ...quick.tokenizer.quantizer, codebookSize: 64 },
      epochs: 2,
      warmUpSteps: 2,
    },
    transformer: { ...quick.transformer, width: 32, heads: 2, layers: 2, epochs: 2, warmUpSteps: 2 },
    sampling: quick.sampling,
    evaluation: { samples: 18, classifierSteps: 20 },
  },
  quick,
  hour,
  grid: {
    ...hour,
    tokenizer: {
      ...hour.tokenizer,
      palettePlace: "within",
      network: { ...hour.tokenizer.network, stages: 2 },
      quantizer: { ...hour.tokenizer.quantizer, codebookSize: 16 },
      epochs: 3,
    },
    transformer: { ...hour.transformer, epochs: 8, textWeight: 4 },
  },
  full: {
    data: { trainCount: 60_000, testCount: 10_000 },
    tokenizer: {
      composition: "whole",
      palettePlace: "before",
      network: { hiddenChannels: 256, stages: 2, residualBlocks: 2, attentionHeads: 0 },
      quantizer: { codebookSize: 128, codeDimension: 256, codebook: "ema", commitmentWeight: 0.25 },
      head: "regression",
      epochs: 30,
      batchSize: 128,
      learningRate: 1e-3,
      warmUpSteps: 0,
      clipNorm: 1,
      weightDecay: 0,
    },
    transformer: {
      width: 128,
      heads: 4,
      layers: 4,
      dropout: 0.1,
      epochs: 30,
      batchSize: 128,
      learningRate: 1e-3,
      warmUpSteps: 1000,
      clipNorm: 1,
      weightDecay: 0,
      textWeight: 1,
      textFirstShare: 0.5,
    },
    sampling: { temperature: 1, topP: 1 },
    evaluation: { samples: 1000, classifierSteps: 2000 },
  },
};
