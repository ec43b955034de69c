import type { PalettePlace } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";

/**
 * What an image is taken apart into before the encoder, and put together from after the decoder.
 *
 * Its functions borrow what they are given; what they return belongs to the surrounding `tf.tidy`.
 */
export interface Composition {
  /** Channels that the encoder sees. */
  readonly inputChannels: number;
  /** Values a pixel that the decoder gives. */
  readonly decodedChannels: number;
  /** Codes of the image as a whole; may be none. */
  readonly imageCodes: number;
  /** Number of distinct image codes. */
  readonly imageCodebookSize: number;
  /** Whether they stand before the grid's or within them. */
  readonly palettePlace: PalettePlace;
  /** `[batch, side, side, channels]` int32 levels → what the encoder sees, and the image codes. */
  decompose(levels: tf.Tensor4D): ImageParts;
  /** What the decoder gave, and the image codes → the head's output, `[batch, side, side, outputChannels]`. */
  compose(parts: ImageParts): tf.Tensor4D;
}

/** An image as the network's side and as codes. */
export interface ImageParts {
  /** Encoder's input or decoder's output, `[batch, side, side, …]`. */
  readonly map: tf.Tensor4D;
  /** `[batch, imageCodes]`, int32; absent where there are none. */
  readonly codes?: tf.Tensor2D;
}
