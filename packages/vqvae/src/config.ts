import { checkInteger } from "./check-config.js";
import { type CompositionConfig, type CompositionOptions, resolveComposition } from "./composition-config.js";
import { type ConvolutionalConfig, checkConvolutionalConfig } from "./convolutional-config.js";
import { checkHead, type ReconstructionHeadName } from "./reconstruction-head.js";
import { checkVectorQuantizerConfig, type VectorQuantizerConfig } from "./vector-quantizer-config.js";

/** Everything that fixes a {@link VqVae}'s shapes and losses; plain JSON. */
export interface VqVaeConfig {
  /** Height and width of an image, in pixels. */
  readonly imageSide: number;
  /** 3 for colour, 1 for grey. */
  readonly channels: number;
  /** The greatest level of a channel: 3 for the coloured digits, 255 for ordinary images. */
  readonly maxValue: number;
  /** What the codes stand for. */
  readonly composition: CompositionConfig;
  /** Encoder and decoder. */
  readonly network: ConvolutionalConfig;
  /** From latent vectors to codes. */
  readonly quantizer: VectorQuantizerConfig;
  /** How the decoder's output is read and scored. */
  readonly head: ReconstructionHeadName;
}

/** A configuration of which any part may be left to the default. */
export type VqVaeOptions = Partial<Omit<VqVaeConfig, "composition" | "network" | "quantizer">> & {
  readonly composition?: CompositionOptions;
  readonly network?: Partial<ConvolutionalConfig>;
  readonly quantizer?: Partial<VectorQuantizerConfig>;
};

/** Configurations by name, to be spread into {@link VqVae.create}'s. */
export const vqVaePresets = {
  /**
   * The first original: 256 channels, 128 codes of 256 dimensions learned by gradients, squared error. Its losses here are
   * the corrected ones, and its codebook starts uniform, as it did.
   */
  "original-a": {
    network: {
      type: "convolutional",
      hiddenChannels: 256,
      stages: 2,
      residualBlocks: 2,
      attentionHeads: 0,
      normalisation: "batch",
    },
    quantizer: {
      type: "vector",
      codebookSize: 128,
      codeDimension: 256,
      codebook: "gradient",
      start: "uniform",
      commitmentWeight: 0.25,
      deadCodeThreshold: 0,
    },
    head: "regression",
  },
} as const satisfies Record<string, VqVaeOptions>;

const defaults: VqVaeConfig = {
  imageSide: 28,
  channels: 3,
  maxValue: 3,
  composition: { type: "whole" },
  network: {
    type: "convolutional",
    hiddenChannels: 256,
    stages: 2,
    residualBlocks: 2,
    attentionHeads: 0,
    normalisation: "batch",
  },
  quantizer: {
    type: "vector",
    codebookSize: 128,
    codeDimension: 64,
    codebook: "ema",
    start: "k-means",
    commitmentWeight: 0.25,
    emaDecay: 0.99,
    emaEpsilon: 1e-5,
    deadCodeThreshold: 0.3,
  },
  head: "regression",
};

/**
 * Fills in the defaults and checks every field.
 *
 * @throws a `ConfigError` naming the first field that is out of range or at odds with another.
 */
export function resolveConfig(options: VqVaeOptions): VqVaeConfig {
  const channels = options.channels ?? defaults.channels;
  const config: VqVaeConfig = {
    ...defaults,
    ...options,
    composition: resolveComposition(options.composition ?? defaults.composition, channels),
    network: { ...defaults.network, ...options.network },
    quantizer: { ...defaults.quantizer, ...options.quantizer },
  };
  checkInteger("imageSide", config.imageSide, 1);
  checkInteger("channels", config.channels, 1);
  checkInteger("maxValue", config.maxValue, 1, 255);
  checkConvolutionalConfig(config.network);
  checkVectorQuantizerConfig(config.quantizer);
  checkHead(config.head, config.maxValue);
  return config;
}
