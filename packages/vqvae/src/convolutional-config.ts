import { ConfigError } from "@mmgen/core";
import { checkInteger, checkOneOf } from "./check-config.js";

/** A convolutional encoder and its mirrored decoder. */
export interface ConvolutionalConfig {
  readonly type: "convolutional";
  /** Channels of every hidden layer. */
  readonly hiddenChannels: number;
  /** Halvings of the image's side: two make 28×28 pixels 7×7 codes, three (the image padded to 32×32) 4×4. */
  readonly stages: number;
  /** Residual blocks of the encoder at the code grid, and as many of the decoder. */
  readonly residualBlocks: number;
  /** Heads of a self-attention before each residual block; 0, original A's, for none. */
  readonly attentionHeads: number;
  /** Batch normalisation before each nonlinearity, or none. */
  readonly normalisation: "batch" | "none";
}

/** Throws {@link ConfigError} unless every field is in range. */
export function checkConvolutionalConfig(config: ConvolutionalConfig): void {
  checkOneOf("network.type", config.type, ["convolutional"]);
  checkInteger("network.hiddenChannels", config.hiddenChannels, 1);
  checkInteger("network.stages", config.stages, 1, 8);
  checkInteger("network.residualBlocks", config.residualBlocks, 0);
  checkInteger("network.attentionHeads", config.attentionHeads, 0);
  if (config.attentionHeads > 0 && config.hiddenChannels % config.attentionHeads !== 0) {
    throw new ConfigError(
      `network.attentionHeads: hiddenChannels ${config.hiddenChannels} must be divisible by it, got ${config.attentionHeads}.`,
    );
  }
  checkOneOf("network.normalisation", config.normalisation, ["batch", "none"]);
}

/** Height and width of the grid of latent vectors, in codes. */
export function latentSide(config: ConvolutionalConfig, imageSide: number): number {
  return Math.ceil(imageSide / 2 ** config.stages);
}
