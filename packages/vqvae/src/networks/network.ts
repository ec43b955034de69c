import { type ForwardPass, Module } from "@mmgen/nn/layers";
import type * as tf from "@tensorflow/tfjs-core";

/** Sizes at the ends of a network. */
export interface NetworkEnds {
  /** Height and width of an image, in pixels. */
  readonly image: Grid;
  /** Channels of the encoder's input. */
  readonly inputChannels: number;
  /** Values per pixel of the decoder's output. */
  readonly outputChannels: number;
  /** Length of a latent vector. */
  readonly latentDimension: number;
}

/** Rows and columns of a grid of codes, latents or pixels. */
export interface Grid {
  readonly height: number;
  readonly width: number;
}

/** An encoder and its decoder; results belong to the surrounding `tf.tidy`. */
export abstract class Network extends Module {
  /** How an image's latent vectors lie. */
  abstract readonly latentGrid: Grid;
  /** `[batch, height, width, inputChannels]` → latents, `[batch · height · width, latentDimension]`, row by row. */
  abstract encode(map: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D;
  /** Latents, or what replaces them, → `[batch, height, width, outputChannels]`. */
  abstract decode(latents: tf.Tensor2D, pass: ForwardPass): tf.Tensor4D;
}
