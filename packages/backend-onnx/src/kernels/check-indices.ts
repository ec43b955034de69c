import { ShapeError } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { LazyValue } from "../graph/lazy-value.js";

/**
 * Checks indices whose elements are on the host, as tfjs does; ONNX Runtime checks computed ones when it runs.
 *
 * @throws {@link ShapeError} when an index is outside of an axis of `size`.
 */
export function checkIndices(indices: LazyValue, size: number): void {
  for (const index of hostIndices(indices)) {
    if (index < 0 || index >= size) {
      throw new ShapeError(`GatherV2: the index value ${index} is not in [0, ${size - 1}]`);
    }
  }
}

/**
 * Checks rows of indices with one index for each axis of a shape, as {@link checkIndices}.
 *
 * @throws {@link ShapeError} when an index is outside of its axis.
 */
export function checkPlaces(indices: LazyValue, shape: readonly number[]): void {
  const depth = shape.length;
  const values = hostIndices(indices);
  for (let i = 0; i < values.length; i++) {
    if (values[i]! < 0 || values[i]! >= shape[i % depth]!) {
      const row = values.slice(i - (i % depth), i - (i % depth) + depth);
      throw new ShapeError(`Invalid indices: ${row} does not index into ${shape}`);
    }
  }
}

/** A value in the form of a tensor for tfjs's shape checks, which read only type, shape and rank. */
export function like({ type, shape, size }: LazyValue): tf.Tensor {
  return { dtype: type, shape: [...shape], rank: shape.length, size } as unknown as tf.Tensor;
}

function hostIndices(indices: LazyValue): Int32Array {
  return (indices.resident?.host ?? new Int32Array(0)) as Int32Array;
}
