import type { PalettePlace } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";

/**
 * How an image is decomposed before the encoder, and composed after the decoder.
 *
 * Its functions borrow their inputs; their results belong to the surrounding `tf.tidy`.
 */
export interface Composition {
  /** Channels of the encoder's input. */
  readonly inputChannels: number;
  /** Values per pixel of the decoder's output. */
  readonly decodedChannels: number;
  /** Codes of the image as a whole, besides the quantizer's; may be 0. */
  readonly imageCodes: number;
  /** Number of distinct image codes. */
  readonly imageCodebookSize: number;
  /** Whether they stand before the grid's or within them. */
  readonly palettePlace: PalettePlace;
  /** `[batch, height, width, channels]` int32 levels → the encoder's input, and the image codes. */
  decompose(levels: tf.Tensor4D): ImageParts;
  /** The decoder's output and the image codes → the head's input, `[batch, height, width, outputChannels]`. */
  compose(parts: ImageParts): tf.Tensor4D;
}

/** An image as a map for the network and as codes of the whole. */
export interface ImageParts {
  /** Encoder's input or decoder's output, `[batch, height, width, …]`. */
  readonly map: tf.Tensor4D;
  /** `[batch, imageCodes]`, int32; absent where there are none. */
  readonly codes?: tf.Tensor2D;
}
