import * as tf from "@tensorflow/tfjs-core";
import type { VqVaeConfig } from "./config.js";
import { latentSide } from "./convolutional-config.js";
import { convolutionalDecoder, convolutionalEncoder } from "./convolutional-network.js";
import type { ForwardPass, Parameter } from "./parameters.js";
import type { Quantizer } from "./quantizer.js";
import { levelsToPixels, reconstructionHead } from "./reconstruction-head.js";
import { vectorQuantizer } from "./vector-quantizer.js";

/** Encoder, quantizer, decoder and head as pure functions of weights; results belong to the surrounding `tf.tidy`. */
export interface Autoencoder {
  readonly parameters: readonly Parameter[];
  readonly quantizer: Quantizer;
  /** Height and width of the grid of latent vectors. */
  readonly latentSide: number;
  /** `[batch, side, side, channels]` int32 levels → latent vectors, `[batch · latentSide², codeDimension]`. */
  latents(levels: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D;
  /** Levels → codes, `[batch · latentSide², codesPerVector]`. */
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
  const quantizer = vectorQuantizer(config.quantizer);
  const head = reconstructionHead(config.head, config.channels, config.maxValue);
  const side = latentSide(config.network, config.imageSide);
  const { codeDimension } = quantizer;
  const ends = { imageChannels: config.channels, outputChannels: head.outputChannels, codeDimension, latentSide: side };
  const encoder = convolutionalEncoder(config.network, ends);
  const decoder = convolutionalDecoder(config.network, ends);

  const latents = (levels: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D =>
    tf.reshape(encoder.forward(levelsToPixels(levels, config.maxValue), pass), [-1, codeDimension]);
  const decoded = (vectors: tf.Tensor2D, pass: ForwardPass): tf.Tensor4D =>
    decoder.forward(tf.reshape(vectors, [-1, side, side, codeDimension]) as tf.Tensor4D, pass);

  return {
    parameters: [...encoder.parameters, ...quantizer.parameters, ...decoder.parameters],
    quantizer,
    latentSide: side,
    latents,
    encode: (levels, pass) => quantizer.codes(latents(levels, pass), pass.weights),
    decode: (codes, pass) => head.levels(decoded(quantizer.vectors(codes, pass.weights), pass)),
    loss(levels, pass) {
      const { quantized, loss, metrics, aux } = quantizer.quantize(latents(levels, pass), pass.weights);
      const reconstruction = head.loss(decoded(quantized, pass), levels);
      const total = tf.add(reconstruction, loss) as tf.Scalar;
      return { total, metrics: { reconstruction, ...metrics }, aux };
    },
  };
}
