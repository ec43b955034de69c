import {
  type CompositionConfig,
  type CompositionOptions,
  resolveComposition,
} from "../compositions/create-composition.js";
import { checkHead, type ReconstructionHeadName } from "../compositions/reconstruction-head.js";
import { type NetworkConfig, type NetworkOptions, resolveNetwork } from "../networks/create-network.js";
import { type QuantizerConfig, type QuantizerOptions, resolveQuantizer } from "../quantizers/create-quantizer.js";
import { checkInteger } from "./check-config.js";

/** Everything that fixes a {@link VqVae}'s shapes and losses; plain JSON. */
export interface VqVaeConfig {
  /** Height and width of an image, in pixels. */
  readonly imageSide: number;
  /** 3 for color, 1 for gray. */
  readonly channels: number;
  /** The greatest level of a channel: 3 for the colored digits, 255 for ordinary images. */
  readonly maxValue: number;
  /** What the codes stand for. */
  readonly composition: CompositionConfig;
  /** Encoder and decoder. */
  readonly network: NetworkConfig;
  /** From latent vectors to codes. */
  readonly quantizer: QuantizerConfig;
  /** How the decoder's output is read and scored. */
  readonly head: ReconstructionHeadName;
}

/** A configuration of which any part may be left to the default. */
export type VqVaeOptions = Partial<Omit<VqVaeConfig, "composition" | "network" | "quantizer">> & {
  readonly composition?: CompositionOptions;
  readonly network?: NetworkOptions;
  readonly quantizer?: QuantizerOptions;
};

/**
 * Fills in the defaults and checks every field.
 *
 * @throws a `ConfigError` naming the first field that is out of range or at odds with another.
 */
export function resolveConfig(options: VqVaeOptions): VqVaeConfig {
  const { imageSide = 28, channels = 3, maxValue = 3, head = "regression" } = options;
  checkInteger("imageSide", imageSide, 1);
  checkInteger("channels", channels, 1);
  checkInteger("maxValue", maxValue, 1, 255);
  checkHead(head, maxValue);
  return {
    imageSide,
    channels,
    maxValue,
    composition: resolveComposition(options.composition ?? { type: "whole" }, channels),
    network: resolveNetwork(options.network ?? {}),
    quantizer: resolveQuantizer(options.quantizer ?? {}),
    head,
  };
}

/** Configurations by name, to be spread into {@link VqVae.create}'s; what they leave out is the default. */
export const vqVaePresets = {
  /**
   * The first original: colored digits, 256 channels, 7×7 codes out of 128 of 256 dimensions learned by gradients,
   * squared error. Its losses here are the corrected ones, and its codebook starts uniform, as it did.
   */
  "original-a": {
    network: { type: "convolutional" },
    quantizer: {
      type: "vector",
      codeDimension: 256,
      codebook: "gradient",
      start: "uniform",
      deadCodeThreshold: 0,
    },
  },
  /**
   * The fourth: gray digits of 28×28 pixels as eight codes, one of 26 letters each. Fully connected 784 → 128 → 32,
   * rectified; the 32 values in chunks of 4; one codebook for all chunks, from k-means of the first batch, learned by
   * gradients.
   */
  "original-d": {
    channels: 1,
    maxValue: 255,
    network: { type: "dense", hidden: [128], latentActivation: "relu" },
    quantizer: {
      type: "product",
      chunks: 8,
      codeDimension: 4,
      codebookSize: 26,
      sharedCodebook: true,
      codebook: "gradient",
      deadCodeThreshold: 0,
    },
    head: "sigmoid",
  },
} as const satisfies Record<string, VqVaeOptions>;
