import type { LossWeights } from "@mmgen/multimodal-tokenizer";
import type { SamplingOptions } from "@mmgen/samplers";
import type { TrainingSettings } from "../stages/run-stage.js";
import type { TransformerOptions } from "../stages/train-transformer.js";

/** Sizes and training times of a model, whatever its images look like. */
export interface ModelPreset {
  readonly vqvae: {
    readonly network: {
      readonly hiddenChannels: number;
      readonly residualBlocks: number;
      readonly attentionHeads: number;
    };
    readonly quantizer: { readonly codebookSize: number; readonly codeDimension: number };
    readonly training: TrainingSettings;
  };
  readonly transformer: TransformerOptions & { readonly training: TrainingSettings };
  /** Weights of the transformer's targets in its loss. */
  readonly weights: LossWeights;
  readonly sampling: SamplingOptions;
}

const quick: ModelPreset = {
  vqvae: {
    network: { hiddenChannels: 48, residualBlocks: 2, attentionHeads: 2 },
    quantizer: { codebookSize: 256, codeDimension: 16 },
    training: { steps: 1500, batchSize: 64, learningRate: 2e-3, warmUpSteps: 50, clipNorm: 1, weightDecay: 0 },
  },
  transformer: {
    ...{ width: 128, heads: 4, layers: 4, dropout: 0 },
    training: { steps: 4000, batchSize: 64, learningRate: 2e-3, warmUpSteps: 100, clipNorm: 1, weightDecay: 0.01 },
  },
  weights: { text: 2 },
  sampling: { temperature: 0.8, topP: 0.9 },
};

/**
 * Sizes and training times by name, on images of about 32×32 pixels and 2 cores: `smoke` trains for seconds, to see that
 * all is in place; `minute` for about a minute, enough for shapes and colors; `quick` for about 10 minutes; `hour` for
 * about an hour, at the best quality.
 */
export const mmgenPresets = {
  smoke: {
    vqvae: {
      network: { hiddenChannels: 16, residualBlocks: 1, attentionHeads: 0 },
      quantizer: { codebookSize: 32, codeDimension: 8 },
      training: { steps: 100, batchSize: 32, learningRate: 5e-3, warmUpSteps: 5, clipNorm: 1, weightDecay: 0 },
    },
    transformer: {
      ...{ width: 32, heads: 2, layers: 2, dropout: 0 },
      training: { steps: 300, batchSize: 32, learningRate: 1e-2, warmUpSteps: 10, clipNorm: 1, weightDecay: 0.01 },
    },
    weights: {},
    sampling: quick.sampling,
  },
  minute: {
    vqvae: {
      network: { hiddenChannels: 24, residualBlocks: 1, attentionHeads: 0 },
      quantizer: { codebookSize: 64, codeDimension: 16 },
      training: { steps: 300, batchSize: 32, learningRate: 3e-3, warmUpSteps: 20, weightDecay: 0.01 },
    },
    transformer: {
      ...{ width: 64, heads: 4, layers: 2, dropout: 0 },
      training: { steps: 1200, batchSize: 32, learningRate: 4e-3, warmUpSteps: 50, clipNorm: 1, weightDecay: 0.01 },
    },
    weights: {},
    sampling: quick.sampling,
  },
  quick,
  hour: {
    vqvae: { ...quick.vqvae, training: { ...quick.vqvae.training, steps: 3500 } },
    transformer: {
      ...{ width: 192, heads: 6, layers: 5, dropout: 0.1 },
      training: {
        ...quick.transformer.training,
        ...{ steps: 12_000, learningRate: 1.5e-3, warmUpSteps: 400, weightDecay: 0.05 },
      },
    },
    weights: quick.weights,
    sampling: quick.sampling,
  },
} as const satisfies Record<string, ModelPreset>;

/** Names of {@link mmgenPresets}. */
export type PresetName = keyof typeof mmgenPresets;
