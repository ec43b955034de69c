import * as tf from "@tensorflow/tfjs-core";
import type { CodeLayout } from "./code-layout.js";
import { wholeImage } from "./composition.js";
import type { VqVaeConfig } from "./config.js";
import { figureGround } from "./figure-ground.js";
import { network } from "./network.js";
import type { ForwardPass, Parameter } from "./parameters.js";
import type { Quantizer } from "./quantizer.js";
import { quantizerOf } from "./quantizers.js";
import { reconstructionHead } from "./reconstruction-head.js";

/**
 * Composition, encoder, quantizer, decoder and head as pure functions of weights; results belong to the surrounding
 * `tf.tidy`.
 */
export interface Autoencoder {
  readonly parameters: readonly Parameter[];
  readonly quantizer: Quantizer;
  /** Number of distinct codes: those of the image as a whole, then the quantizer's. */
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
  /** Levels → what is minimised, its terms, and the quantizer's aux. */
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
  const quantizer = quantizerOf(config.quantizer);
  const head = reconstructionHead(config.head, channels, maxValue);
  const composition =
    config.composition.type === "whole"
      ? wholeImage(channels, head)
      : figureGround(config.composition, { channels, maxValue }, head);
  const { latentDimension, codesPerVector } = quantizer;
  const { inputChannels, decodedChannels: outputChannels, imageCodes, imageCodebookSize } = composition;
  const ends = { imageSide, inputChannels, outputChannels, latentDimension };
  const { encode, decode, latentGrid, parameters } = network(config.network, ends);
  const gridCodes = latentGrid.height * latentGrid.width * codesPerVector;

  return {
    parameters: [...parameters, ...quantizer.parameters],
    quantizer,
    codebookSize: imageCodebookSize + quantizer.codebookSize,
    codeGrid:
      imageCodes === 0
        ? { height: latentGrid.height, width: latentGrid.width * codesPerVector }
        : { height: 1, width: imageCodes + gridCodes },
    codeLayout: {
      codesPerImage: imageCodes + gridCodes,
      paletteCodes: imageCodes,
      paletteSize: imageCodebookSize,
      codebooks: quantizer.codebooks,
      codebookSize: quantizer.codebookSize,
    },
    latentGrid,
    latents: (levels, pass) => encode(composition.takeApart(levels).map, pass),
    encode(levels, pass) {
      const { map, codes } = composition.takeApart(levels);
      const grid = tf.reshape<tf.Rank.R2>(quantizer.codes(encode(map, pass), pass.weights), [-1, gridCodes]);
      return codes ? tf.concat2d([codes, tf.add<tf.Tensor2D>(grid, tf.scalar(imageCodebookSize, "int32"))], 1) : grid;
    },
    decode(codes, pass) {
      // A code of the other kind is read as the nearest that fits its place.
      const clipped = (part: tf.Tensor2D, from: number, size: number): tf.Tensor2D => {
        const int32 = (value: number) => tf.scalar(value, "int32");
        const counted = tf.sub(part, int32(from)) as tf.Tensor2D;
        return tf.minimum(tf.maximum(counted, int32(0)), int32(size - 1));
      };
      const ofImage = imageCodes === 0 ? undefined : tf.slice(codes, [0, 0], [-1, imageCodes]);
      const ofGrid = ofImage
        ? clipped(tf.slice(codes, [0, imageCodes], [-1, gridCodes]), imageCodebookSize, quantizer.codebookSize)
        : codes;
      const map = decode(quantizer.vectors(tf.reshape(ofGrid, [-1, codesPerVector]), pass.weights), pass);
      return head.levels(
        composition.putTogether({ map, ...(ofImage && { codes: clipped(ofImage, 0, imageCodebookSize) }) }),
      );
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
