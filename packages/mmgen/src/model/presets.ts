import type { LossWeights } from "@mmgen/multimodal-tokenizer";
import type { SamplingOptions } from "@mmgen/samplers";
import type { ConvolutionalOptions } from "@mmgen/vqvae";
import type { RefinementSettings } from "../stages/refine-vqvae.js";
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
  /** In place of these two for images of many colors whose shorter side has at least 48 pixels. Default: these two. */
  readonly realImages?: RealImageStages | undefined;
  /** Weights of the transformer's targets in its loss. */
  readonly weights: LossWeights;
  readonly sampling: SamplingOptions;
}

/** Sizes and training times of image codec and transformer for images of many colors. */
export interface RealImageStages {
  readonly vqvae: {
    /** `levels` are those of images of up to 128 pixels; larger ones have more, each as wide as the last. */
    readonly network: ConvolutionalOptions & { readonly levels: readonly number[] };
    /** A code has as many dimensions as the last level has channels. */
    readonly quantizer: { readonly codebookSize: number };
    readonly training: TrainingSettings;
    /** A second training by what is said of the images, where anything is. Default: none. */
    readonly refinement?: RefinementSettings | undefined;
  };
  /** `positions: "rotary-2d"` is for sequences with the image at one place; others have the transformer's default. */
  readonly transformer: ModelPreset["transformer"];
}

/** Sizes of {@link realImages}. */
interface RealImageSizes {
  /** Channels after each of three halvings. */
  readonly levels: readonly [number, number, number];
  readonly codebookSize: number;
  readonly vqvaeSteps: number;
  readonly refinementSteps: number;
  readonly classifierSteps: number;
  readonly transformer: { readonly width: number; readonly heads: number; readonly layers: number };
  readonly dropout: number;
  readonly steps: number;
  readonly learningRate: number;
}

/** The refinement of `quick`. */
export const usualRefinement: RefinementSettings = {
  ...{ steps: 400, batchSize: 8, learningRate: 1e-3, warmUpSteps: 50, clipNorm: 1, weightDecay: 0, beta2: 0.99 },
  ...{ weightAverage: { decay: 0.99 }, classifierSteps: 300 },
};

/** For images of many colors: networks and recipe of `vqVaePresets["faces-64"]`, and the transformer that suits its codes. */
function realImages(sizes: RealImageSizes): RealImageStages {
  const { classifierSteps, codebookSize, dropout, learningRate, levels, refinementSteps, steps } = sizes;
  const { transformer, vqvaeSteps } = sizes;
  return {
    vqvae: {
      network: {
        ...{ levels, levelBlocks: 1, residualBlocks: 2, residualFilter: 3, attentionHeads: 4 },
        ...{ normalization: "group", activation: "silu", upsampling: "nearest" },
      },
      quantizer: { codebookSize },
      training: {
        ...{ steps: vqvaeSteps, batchSize: 8, learningRate: 2e-3, warmUpSteps: 100, clipNorm: 1, weightDecay: 0 },
        beta2: 0.99,
      },
      refinement: {
        ...{ ...usualRefinement, steps: refinementSteps, classifierSteps },
        weightAverage: { decay: refinementSteps > 1000 ? 0.995 : 0.99 },
      },
    },
    transformer: {
      ...{ ...transformer, dropout, normalization: "rms", feedForward: "swiglu", queryKeyNorm: true, bias: false },
      positions: "rotary-2d",
      training: {
        ...{ steps, batchSize: 32, learningRate, warmUpSteps: 100, clipNorm: 1, weightDecay: 0.05, beta2: 0.99 },
      },
    },
  };
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
  realImages: realImages({
    ...{ levels: [24, 48, 96], codebookSize: 1024, vqvaeSteps: 1500 },
    ...{ refinementSteps: 400, classifierSteps: 300 },
    ...{ transformer: { width: 128, heads: 4, layers: 4 }, dropout: 0, steps: 2000, learningRate: 2e-3 },
  }),
  weights: { text: 2 },
  sampling: { temperature: 0.8, topP: 0.9 },
};

/**
 * Sizes and training times by name, on images of about 32×32 pixels, or 64×64 of many colors, and 2 cores: `smoke` trains for
 * seconds, to see that all is in place; `minute` for about a minute, enough for shapes and colors; `quick` for about 10
 * minutes; `hour` for about an hour, at the best quality.
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
    realImages: realImages({
      ...{ levels: [8, 16, 32], codebookSize: 64, vqvaeSteps: 100 },
      ...{ refinementSteps: 20, classifierSteps: 20 },
      ...{ transformer: { width: 32, heads: 2, layers: 2 }, dropout: 0, steps: 100, learningRate: 5e-3 },
    }),
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
    realImages: realImages({
      ...{ levels: [12, 24, 48], codebookSize: 256, vqvaeSteps: 500 },
      ...{ refinementSteps: 100, classifierSteps: 100 },
      ...{ transformer: { width: 64, heads: 4, layers: 2 }, dropout: 0, steps: 600, learningRate: 4e-3 },
    }),
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
    realImages: realImages({
      ...{ levels: [24, 48, 96], codebookSize: 1024, vqvaeSteps: 6000 },
      ...{ refinementSteps: 2000, classifierSteps: 1000 },
      ...{ transformer: { width: 192, heads: 6, layers: 5 }, dropout: 0.1, steps: 4500, learningRate: 1.5e-3 },
    }),
    weights: quick.weights,
    sampling: quick.sampling,
  },
} as const satisfies Record<string, ModelPreset>;

/** Names of {@link mmgenPresets}. */
export type PresetName = keyof typeof mmgenPresets;
