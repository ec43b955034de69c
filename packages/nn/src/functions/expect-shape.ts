import { ShapeError } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";

/**
 * Throws {@link ShapeError} unless `tensor` has the shape `expected`.
 *
 * @param name - What the message calls the tensor: "linear: weight".
 * @param expected - One entry an axis: a size, or a name where any size will do.
 */
export function expectShape(name: string, tensor: tf.Tensor, expected: readonly (number | string)[]): void {
  const matches =
    tensor.rank === expected.length &&
    expected.every((size, axis) => typeof size === "string" || size === tensor.shape[axis]);
  if (!matches) {
    throw new ShapeError(`${name}: expected shape [${expected.join(", ")}], got [${tensor.shape.join(", ")}].`);
  }
}

/** Throws {@link ShapeError} unless `tensor` holds int32 values, as ids and labels do. */
export function expectInt32(name: string, tensor: tf.Tensor): void {
  if (tensor.dtype !== "int32") {
    throw new ShapeError(`${name}: expected int32 values, got ${tensor.dtype}. Make it with dtype "int32".`);
  }
}
