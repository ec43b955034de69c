import { checkInteger } from "./check-config.js";
import { type CompositionConfig, type CompositionOptions, resolveComposition } from "./composition-config.js";
import { type NetworkConfig, type NetworkOptions, resolveNetwork } from "./network-config.js";
import { type QuantizerConfig, type QuantizerOptions, resolveQuantizer } from "./quantizer-config.js";
import { checkHead, type ReconstructionHeadName } from "./reconstruction-head.js";

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
