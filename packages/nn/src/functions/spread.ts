import * as tf from "@tensorflow/tfjs-core";
import { product } from "./axes.js";

/** Moves the values of an axis `distance` places apart, zeros between them: `size` becomes `(size - 1) * distance + 1`. */
export function spread(x: tf.Tensor, axis: number, distance: number): tf.Tensor {
  if (distance === 1) {
    return x;
  }
  const { shape } = x;
  const [size, after] = [shape[axis]!, product(shape.slice(axis + 1))];
  const single = tf.reshape(x, [product(shape.slice(0, axis)), size, 1, after]);
  const padded = tf.pad(single, [
    [0, 0],
    [0, 0],
    [0, distance - 1],
    [0, 0],
  ]);
  const rows = tf.reshape(padded, [single.shape[0]!, size * distance, after]);
  const length = (size - 1) * distance + 1;
  return tf.reshape(tf.slice(rows, [0, 0, 0], [rows.shape[0]!, length, after]), withSize(shape, axis, length));
}

/** Takes every `distance`-th value of an axis, from the first to the last: the inverse of {@link spread}. */
export function gatherSpread(x: tf.Tensor, axis: number, distance: number): tf.Tensor {
  if (distance === 1) {
    return x;
  }
  const { shape } = x;
  const [length, after] = [shape[axis]!, product(shape.slice(axis + 1))];
  const size = (length - 1) / distance + 1;
  const rows = tf.reshape(x, [product(shape.slice(0, axis)), length, after]);
  const padded = tf.pad(rows, [
    [0, 0],
    [0, distance - 1],
    [0, 0],
  ]);
  const groups = tf.reshape(padded, [rows.shape[0]!, size, distance, after]);
  const firsts = tf.slice(groups, [0, 0, 0, 0], [rows.shape[0]!, size, 1, after]);
  return tf.reshape(firsts, withSize(shape, axis, size));
}

function withSize(shape: readonly number[], axis: number, size: number): number[] {
  return shape.map((before, i) => (i === axis ? size : before));
}
