import type * as tf from "@tensorflow/tfjs-core";
import type { ForwardPass, Parameter } from "./layers.js";

/** Sizes at the ends of a network. */
export interface NetworkEnds {
  /** Height and width of an image. */
  readonly imageSide: number;
  /** Channels of an image going in. */
  readonly inputChannels: number;
  /** Values a pixel coming out of the decoder. */
  readonly outputChannels: number;
  /** Length of a latent vector. */
  readonly latentDimension: number;
}

/** An encoder and its decoder, as pure functions of weights; results belong to the surrounding `tf.tidy`. */
export interface Network {
  readonly parameters: readonly Parameter[];
  /** How an image's latent vectors lie. */
  readonly latentGrid: { readonly height: number; readonly width: number };
  /** `[batch, side, side, inputChannels]` → latents, `[batch · height · width, latentDimension]`, row by row. */
  encode(map: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D;
  /** Latents, or what replaces them, → `[batch, side, side, outputChannels]`. */
  decode(latents: tf.Tensor2D, pass: ForwardPass): tf.Tensor4D;
}
