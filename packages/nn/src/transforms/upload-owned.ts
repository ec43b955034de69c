import * as tf from "@tensorflow/tfjs-core";
import type { FunctionTransforms } from "./compile.js";

/**
 * `tf.tensor` of an array that the caller gives up: a backend that would copy it, as it computes later, takes it as it is.
 *
 * @param values - As many as the shape has places; not to be written again.
 * @returns Yours to dispose.
 */
export function uploadOwned<R extends tf.Rank>(
  values: Float32Array | Int32Array | Uint8Array,
  shape: readonly number[],
  dtype: "float32" | "int32" | "bool",
): tf.Tensor<R> {
  const backend = tf.backend() as tf.KernelBackend & FunctionTransforms;
  return backend.writeOwned === undefined
    ? tf.tensor<R>(values, [...shape] as tf.ShapeMap[R], dtype)
    : (tf.engine().makeTensorFromTensorInfo(backend.writeOwned(values, shape, dtype), backend) as tf.Tensor<R>);
}
