import type { CodeLayout } from "@mmgen/core";
import { layOutCodes } from "../compositions/code-layout.js";
import { type CodeSequence, codeSequence } from "../compositions/code-sequence.js";
import type { Composition } from "../compositions/composition.js";
import { createComposition } from "../compositions/create-composition.js";
import { type ReconstructionHead, reconstructionHead } from "../compositions/reconstruction-head.js";
import { createNetwork } from "../networks/create-network.js";
import type { Grid, Network } from "../networks/network.js";
import type { Quantizer } from "../quantizers/quantizer.js";
import type { ImageShape } from "./batches.js";
import { sidesOf } from "./image-side.js";
import type { VqVaeConfig } from "./vq-vae-config.js";

/** What a `VqVae` computes with. */
export interface VqVaeParts {
  readonly network: Network;
  readonly quantizer: Quantizer;
  readonly composition: Composition;
  readonly head: ReconstructionHead;
  /** The image's codes as one sequence. */
  readonly sequence: CodeSequence;
  /** Codes per image that come from the quantizer. */
  readonly gridCodes: number;
}

/** Shapes of a `VqVae`'s images and codes. */
export interface VqVaeShapes {
  readonly imageShape: ImageShape;
  readonly codeLayout: CodeLayout;
  readonly codeGrid: Grid;
}

/** Declares the parts of a configuration around its quantizer, whose weights are the caller's to initialize. */
export function createParts(config: VqVaeConfig, quantizer: Quantizer): VqVaeParts & VqVaeShapes {
  const { channels, maxValue } = config;
  const image = sidesOf(config.imageSide);
  const head = reconstructionHead(config.head, { channels, maxValue }, config.reconstruction);
  const composition = createComposition(config.composition, { channels, maxValue }, head);
  const { inputChannels, decodedChannels: outputChannels } = composition;
  const { latentDimension } = quantizer;
  const network = createNetwork(config.network, { image, inputChannels, outputChannels, latentDimension });
  const { codeGrid, codeLayout, gridCodes } = layOutCodes(network.latentGrid, quantizer, composition);
  const sequence = codeSequence(codeLayout);
  const imageShape = { ...image, channels, maxValue };
  return { network, quantizer, composition, head, sequence, gridCodes, imageShape, codeLayout, codeGrid };
}
