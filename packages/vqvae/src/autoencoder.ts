import * as tf from "@tensorflow/tfjs-core";
import { wholeImage } from "./composition.js";
import type { VqVaeConfig } from "./config.js";
import { latentSide } from "./convolutional-config.js";
import { convolutionalDecoder, convolutionalEncoder } from "./convolutional-network.js";
import { figureGround } from "./figure-ground.js";
import type { ForwardPass, Parameter } from "./parameters.js";
import type { Quantizer } from "./quantizer.js";
import { reconstructionHead } from "./reconstruction-head.js";
import { vectorQuantizer } from "./vector-quantizer.js";

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
  readonly codeGrid: { readonly height: number; readonly width: number };
  /** `[batch, side, side, channels]` int32 levels → latent vectors, `[batch · latentSide², codeDimension]`. */
  latents(levels: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D;
  /** Levels → codes, `[batch, codeGrid.height · codeGrid.width]`, int32. */
  encode(levels: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D;
  /** Codes → levels. */
  decode(codes: tf.Tensor2D, pass: ForwardPass): tf.Tensor4D;
  /** Levels → what is minimised, its terms, and the quantizer's aux. */
  loss(levels: tf.Tensor4D, pass: ForwardPass): AutoencoderLoss;
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
  const quantizer = vectorQuantizer(config.quantizer);
  const head = reconstructionHead(config.head, channels, maxValue);
  const composition =
    config.composition.type === "whole"
      ? wholeImage(channels, maxValue, head)
      : figureGround(config.composition, { channels, maxValue }, head);
  const side = latentSide(config.network, imageSide);
  const { codeDimension, codesPerVector } = quantizer;
  const { inputChannels, decodedChannels: outputChannels, imageCodes, imageCodebookSize } = composition;
  const ends = { imageSide, inputChannels, outputChannels, codeDimension, latentSide: side };
  const encoder = convolutionalEncoder(config.network, ends);
  const decoder = convolutionalDecoder(config.network, ends);
  const gridCodes = side * side * codesPerVector;

  const vectors = (map: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D =>
    tf.reshape(encoder.forward(map, pass), [-1, codeDimension]);
  const decoded = (quantized: tf.Tensor2D, pass: ForwardPass): tf.Tensor4D =>
    decoder.forward(tf.reshape(quantized, [-1, side, side, codeDimension]) as tf.Tensor4D, pass);

  return {
    parameters: [...encoder.parameters, ...quantizer.parameters, ...decoder.parameters],
    quantizer,
    codebookSize: imageCodebookSize + quantizer.codebookSize,
    codeGrid:
      imageCodes === 0 ? { height: side, width: side * codesPerVector } : { height: 1, width: imageCodes + gridCodes },
    latents: (levels, pass) => vectors(composition.takeApart(levels).map, pass),
    encode(levels, pass) {
      const { map, codes } = composition.takeApart(levels);
      const grid = tf.reshape<tf.Rank.R2>(quantizer.codes(vectors(map, pass), pass.weights), [-1, gridCodes]);
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
      const map = decoded(quantizer.vectors(tf.reshape(ofGrid, [-1, codesPerVector]), pass.weights), pass);
      return head.levels(
        composition.putTogether({ map, ...(ofImage && { codes: clipped(ofImage, 0, imageCodebookSize) }) }),
      );
    },
    loss(levels, pass) {
      const { map, codes } = composition.takeApart(levels);
      const { quantized, loss, metrics, aux } = quantizer.quantize(vectors(map, pass), pass.weights);
      const output = composition.putTogether({ map: decoded(quantized, pass), ...(codes && { codes }) });
      const reconstruction = head.loss(output, levels);
      const total = tf.add(reconstruction, loss) as tf.Scalar;
      return { total, metrics: { reconstruction, ...metrics }, aux };
    },
  };
}
