import { ConfigError } from "@mmgen/core";
import { checkInteger, checkOneOf, withDefaults } from "./check-config.js";

/** A fully connected encoder and its mirrored decoder: every code may tell of the whole image. */
export interface DenseConfig {
  readonly type: "dense";
  /** Widths of the encoder's hidden layers, the image's end first; the decoder has them in reverse. May be empty. */
  readonly hidden: readonly number[];
  /** Latent vectors an image becomes; they lie in one row. */
  readonly latentVectors: number;
  /** What the latents come out of: the last layer as it is, or rectified as original D's. */
  readonly latentActivation: "none" | "relu";
}

const defaults: DenseConfig = { type: "dense", hidden: [128], latentVectors: 1, latentActivation: "none" };

/** Fills in the defaults, and throws {@link ConfigError} unless every field is in range. */
export function resolveDense(options: Partial<DenseConfig>): DenseConfig {
  const config = withDefaults("network", defaults, options);
  if (!Array.isArray(config.hidden)) {
    throw new ConfigError(`network.hidden: expected a list of widths, got ${config.hidden}.`);
  }
  config.hidden.forEach((width, i) => {
    checkInteger(`network.hidden[${i}]`, width, 1);
  });
  checkInteger("network.latentVectors", config.latentVectors, 1);
  checkOneOf("network.latentActivation", config.latentActivation, ["none", "relu"]);
  return { ...config, hidden: [...config.hidden] };
}
