import * as tf from "@tensorflow/tfjs-core";

/**
 * Adds up the rows that go to one place: the gradient of taking rows by index.
 *
 * @param rows - `[rows, width]`; borrowed.
 * @param places - `[rows]` int32, each in `[0, count)`; borrowed.
 * @returns `[count, width]`; yours to dispose.
 */
export function sumSegments(rows: tf.Tensor2D, places: tf.Tensor1D, count: number): tf.Tensor2D {
  if (tf.getKernel(tf.UnsortedSegmentSum, tf.getBackend())) {
    return tf.unsortedSegmentSum(rows, places, count);
  }
  // tfjs's wasm backend; scattering adds up what falls on one place, too, but takes no empty list.
  const shape: [number, number] = [count, rows.shape[1]];
  return rows.size === 0
    ? tf.zeros(shape)
    : tf.tidy(() => tf.scatterND(tf.expandDims(places, 1), rows, shape) as tf.Tensor2D);
}
