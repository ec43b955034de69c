import type { ImageBatch } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";

/** Levels as shares of the maximum, `[count, height, width, channels]`. */
export function upload({ data, count, height, width, channels, maxValue }: ImageBatch): tf.Tensor4D {
  const shares = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    shares[i] = data[i]! / maxValue;
  }
  return tf.tensor4d(shares, [count, height, width, channels]);
}

/** The images, followed by black ones: a backend that compiles graphs then compiles few batch sizes. */
export function padToPowerOfTwo(images: ImageBatch): ImageBatch {
  const count = 2 ** Math.ceil(Math.log2(images.count));
  const data = new Uint8Array(count * images.height * images.width * images.channels);
  data.set(images.data);
  return { ...images, data, count };
}
