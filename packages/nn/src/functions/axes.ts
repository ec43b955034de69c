import * as tf from "@tensorflow/tfjs-core";

/** The product of some sizes of a shape; 1 of none. */
export function product(sizes: readonly number[]): number {
  return sizes.reduce((size, factor) => size * factor, 1);
}

/** `x` as `[before, size, after]` around one axis. */
export function aroundAxis(x: tf.Tensor, axis: number): tf.Tensor3D {
  const { shape } = x;
  return tf.reshape(x, [product(shape.slice(0, axis)), shape[axis]!, product(shape.slice(axis + 1))]);
}

/**
 * Pads along every axis, with at most four axes at once: tfjs's webgl and webgpu pad no more, the latter without saying.
 *
 * @param padding - Values before and after, of each axis.
 */
export function padAxes(x: tf.Tensor, padding: readonly (readonly [number, number])[], value = 0): tf.Tensor {
  if (x.rank <= 4) {
    return tf.pad(x, padding as [number, number][], value);
  }
  return padding.reduce<tf.Tensor>((padded, [before, after], axis) => {
    if (before + after === 0) {
      return padded;
    }
    const around = tf.pad(
      aroundAxis(padded, axis),
      [
        [0, 0],
        [before, after],
        [0, 0],
      ],
      value,
    );
    return tf.reshape(
      around,
      padded.shape.map((size, i) => (i === axis ? before + size + after : size)),
    );
  }, x);
}
