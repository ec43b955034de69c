import type * as tf from "@tensorflow/tfjs-core";
import type { LazyValue } from "../graph/lazy-value.js";
import type { OnnxBackend } from "../onnx-backend.js";

/** The recorded real and imaginary part of a complex tensor, in its shape. */
export function partsOf(backend: OnnxBackend, info: tf.TensorInfo): [LazyValue, LazyValue] {
  const { real, imag } = backend.complexParts(info);
  return [backend.value({ ...real, shape: info.shape }), backend.value({ ...imag, shape: info.shape })];
}

/** A complex tensor of two recorded float32 values. */
export function joined(backend: OnnxBackend, real: LazyValue, imaginary: LazyValue): tf.TensorInfo {
  const parts = [backend.adopt(real), backend.adopt(imaginary)] as const;
  const info = backend.joinComplex(...parts);
  for (const { dataId } of parts) {
    backend.disposeData(dataId);
  }
  return info;
}
