import * as tf from "@tensorflow/tfjs-core";
import { feedsTravel } from "./compile.js";
import { uploadOwned } from "./upload-owned.js";

/**
 * Uploads bytes for {@link unpackBytes}, such as the levels of images: where feeds travel to a device four of them make one
 * number, a quarter of the way of int32.
 *
 * @param bytes - `[rows, rowLength]`, row-major; given up by the caller.
 * @returns `[rows, rowLength]`, int32, or `[rows, ⌈rowLength / 4⌉]` of four bytes each; yours to dispose.
 */
export function uploadBytes(bytes: Uint8Array, rows: number): tf.Tensor2D {
  const rowLength = bytes.length / rows;
  return feedsTravel()
    ? uploadOwned<tf.Rank.R2>(wordsOf(bytes, rows), [rows, Math.ceil(rowLength / 4)], "int32")
    : uploadOwned<tf.Rank.R2>(new Int32Array(bytes), [rows, rowLength], "int32");
}

/**
 * The bytes that {@link uploadBytes} uploaded: in a compiled function, where the backend computes.
 *
 * @param uploaded - Borrowed.
 * @param rowLength - Bytes of a row.
 * @returns `[rows, rowLength]`, int32; yours to dispose.
 */
export function unpackBytes(uploaded: tf.Tensor2D, rowLength: number): tf.Tensor2D {
  return feedsTravel()
    ? tf.engine().runKernel("MmgenUnpackBytes", { words: uploaded }, { rowLength })
    : tf.clone(uploaded);
}

/** Rows of bytes as rows of int32, the first of four bytes in the lowest bits, as every machine has them; zeros fill a row. */
function wordsOf(bytes: Uint8Array, rows: number): Int32Array {
  const rowLength = bytes.length / rows;
  const stride = 4 * Math.ceil(rowLength / 4);
  const words = new Int32Array((rows * stride) / 4);
  for (let row = 0; row < rows; row++) {
    new Uint8Array(words.buffer, row * stride, rowLength).set(bytes.subarray(row * rowLength, (row + 1) * rowLength));
  }
  return words;
}
