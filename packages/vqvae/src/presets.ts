import type { VqVaeOptions } from "./config.js";

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
