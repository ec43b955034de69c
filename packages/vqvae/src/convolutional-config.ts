import { ConfigError } from "@mmgen/core";
import { checkInteger, checkOneOf, withDefaults } from "./check-config.js";

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
  /** Batch normalization before each nonlinearity, or none. */
  readonly normalization: "batch" | "none";
}

/** Original A's network. */
const defaults: ConvolutionalConfig = {
  type: "convolutional",
  hiddenChannels: 256,
  stages: 2,
  residualBlocks: 2,
  attentionHeads: 0,
  normalization: "batch",
};

/** Fills in the defaults, and throws {@link ConfigError} unless every field is in range. */
export function resolveConvolutional(options: Partial<ConvolutionalConfig>): ConvolutionalConfig {
  const config = withDefaults("network", defaults, options);
  checkInteger("network.hiddenChannels", config.hiddenChannels, 1);
  checkInteger("network.stages", config.stages, 1, 8);
  checkInteger("network.residualBlocks", config.residualBlocks, 0);
  checkInteger("network.attentionHeads", config.attentionHeads, 0);
  if (config.attentionHeads > 0 && config.hiddenChannels % config.attentionHeads !== 0) {
    throw new ConfigError(
      `network.attentionHeads: hiddenChannels ${config.hiddenChannels} must be divisible by it, got ${config.attentionHeads}.`,
    );
  }
  checkOneOf("network.normalization", config.normalization, ["batch", "none"]);
  return config;
}
