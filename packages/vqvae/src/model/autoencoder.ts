import type { CodeLayout } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { codeSequence } from "../compositions/code-sequence.js";
import { createComposition } from "../compositions/create-composition.js";
import { reconstructionHead } from "../compositions/reconstruction-head.js";
import { createNetwork } from "../networks/create-network.js";
import type { ForwardPass, Parameter } from "../networks/layers.js";
import { createQuantizer } from "../quantizers/create-quantizer.js";
import type { Quantizer } from "../quantizers/quantizer.js";
import type { VqVaeConfig } from "./vq-vae-config.js";

/**
 * Composition, encoder, quantizer, decoder and head as pure functions of weights; results belong to the surrounding
 * `tf.tidy`.
 */
export interface Autoencoder {
  readonly parameters: readonly Parameter[];
  readonly quantizer: Quantizer;
  /** Number of distinct codes, the palette's and the quantizer's. */
  readonly codebookSize: number;
  /** How an image's codes lie. */
  readonly codeGrid: Grid;
  /** Which codebooks its codes are of. */
  readonly codeLayout: CodeLayout;
  /** How its latent vectors lie. */
  readonly latentGrid: Grid;
  /** `[batch, side, side, channels]` int32 levels → latent vectors, `[batch · latentGrid's places, latentDimension]`. */
  latents(levels: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D;
  /** Levels → codes, `[batch, codeGrid.height · codeGrid.width]`, int32. */
  encode(levels: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D;
  /** Codes → levels. */
  decode(codes: tf.Tensor2D, pass: ForwardPass): tf.Tensor4D;
  /** Levels → what is minimized, its terms, and the quantizer's aux. */
  loss(levels: tf.Tensor4D, pass: ForwardPass): AutoencoderLoss;
}

/** Rows and columns. */
export interface Grid {
  readonly height: number;
  readonly width: number;
}

/** A loss and what it is made of. */
export interface AutoencoderLoss {
  readonly total: tf.Scalar;
  readonly metrics: Readonly<Record<string, tf.Scalar>>;
  readonly aux: tf.NamedTensorMap;
}

/** The parts that a configuration names, put together. */
export function autoencoder(config: VqVaeConfig): Autoencoder {
  const { channels, maxValue, imageSide } = config;
  const quantizer = createQuantizer(config.quantizer);
  const head = reconstructionHead(config.head, channels, maxValue);
  const composition = createComposition(config.composition, { channels, maxValue }, head);
  const { latentDimension, codesPerVector } = quantizer;
  const { inputChannels, decodedChannels: outputChannels, imageCodes, imageCodebookSize, palettePlace } = composition;
  const ends = { imageSide, inputChannels, outputChannels, latentDimension };
  const { encode, decode, latentGrid, parameters } = createNetwork(config.network, ends);
  const gridCodes = latentGrid.height * latentGrid.width * codesPerVector;
  const codesPerImage = palettePlace === "within" ? gridCodes : imageCodes + gridCodes;
  const codeLayout: CodeLayout = {
    codesPerImage,
    paletteCodes: imageCodes,
    paletteSize: imageCodebookSize,
    palettePlace,
    codebooks: quantizer.codebooks,
    codebookSize: quantizer.codebookSize,
  };
  const sequence = codeSequence(codeLayout);

  return {
    parameters: [...parameters, ...quantizer.parameters],
    quantizer,
    codebookSize: sequence.size,
    codeGrid:
      codesPerImage === gridCodes
        ? { height: latentGrid.height, width: latentGrid.width * codesPerVector }
        : { height: 1, width: codesPerImage },
    codeLayout,
    latentGrid,
    latents: (levels, pass) => encode(composition.takeApart(levels).map, pass),
    encode(levels, pass) {
      const { map, codes: colors } = composition.takeApart(levels);
      const grid = tf.reshape<tf.Rank.R2>(quantizer.codes(encode(map, pass), pass.weights), [-1, gridCodes]);
      return sequence.join({ grid, ...(colors && { colors }) });
    },
    decode(codes, pass) {
      const { colors, grid } = sequence.split(codes);
      const map = decode(quantizer.vectors(tf.reshape(grid, [-1, codesPerVector]), pass.weights), pass);
      return head.levels(composition.putTogether({ map, ...(colors && { codes: colors }) }));
    },
    loss(levels, pass) {
      const { map, codes } = composition.takeApart(levels);
      const { quantized, loss, metrics, aux } = quantizer.quantize(encode(map, pass), pass.weights);
      const output = composition.putTogether({ map: decode(quantized, pass), ...(codes && { codes }) });
      const reconstruction = head.loss(output, levels);
      const total = tf.add(reconstruction, loss) as tf.Scalar;
      return { total, metrics: { reconstruction, ...metrics }, aux };
    },
  };
}
