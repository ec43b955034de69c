import { type ImageBatch, Random } from "@mmgen/core";
import { VqVae } from "../model/vq-vae.js";
import type { VqVaeOptions } from "../model/vq-vae-config.js";
import type { AdversarialOptions } from "./adversarial-config.js";
import { AdversarialVqVae } from "./adversarial-vq-vae.js";

/** Two images of 8×8 pixels, three channels, 256 levels. */
export const images: ImageBatch = {
  ...{ count: 2, height: 8, width: 8, channels: 3, maxValue: 255 },
  data: Uint8Array.from({ length: 2 * 192 }, (_, i) => (i * i * 7 + 31 * Math.floor(i / 192) + 13 * i) % 256),
};

/** A smooth network without batch norm, for 8×8 pixels. */
export function tinyVqVae(options: VqVaeOptions = {}): VqVae {
  return VqVae.create(
    {
      ...{ imageSide: 8, maxValue: 255 },
      network: { levels: [4, 4], residualBlocks: 0, normalization: "none", activation: "silu", upsampling: "nearest" },
      quantizer: { type: "vector", codebookSize: 8, codeDimension: 4, start: "uniform", deadCodeThreshold: 0 },
      ...options,
    },
    { random: Random.fromSeed(1) },
  );
}

/** A discriminator of two small levels; its term counts from the first step on. */
export function tinyAdversarial(vqvae: VqVae, options: AdversarialOptions = {}): AdversarialVqVae {
  const discriminator = { baseChannels: 4, levels: 2, ...options.discriminator };
  return AdversarialVqVae.create(
    vqvae,
    { startStep: 0, rampSteps: 0, ...options, discriminator },
    { random: Random.fromSeed(2) },
  );
}
