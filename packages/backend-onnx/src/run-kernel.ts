import { KernelError } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";
import { elementTypeOf } from "./graph/element-type.js";
import type { LazyValue } from "./graph/lazy-value.js";
import type { DataKernel, KernelCall, NativeKernel } from "./kernels/kernel.js";
import type { OnnxBackend } from "./onnx-backend.js";

/** What tfjs's registry calls a kernel with. */
interface KernelParameters {
  readonly inputs: tf.NamedTensorInfoMap;
  readonly backend: unknown;
  readonly attrs?: tf.NamedAttrMap;
}

/** Records a kernel, or, where it has no native version for these inputs, runs the cpu backend's. */
export function runKernel(
  name: string,
  definition: NativeKernel | DataKernel | null,
  { inputs, backend: anyBackend, attrs }: KernelParameters,
): tf.TensorInfo | tf.TensorInfo[] {
  const backend = anyBackend as OnnxBackend;
  const call: KernelCall<unknown> = {
    graph: backend.graph,
    backend,
    attrs,
    inputs,
    input: (key) => backend.value(inputs[key]!),
    optional: (key) => (inputs[key] == null ? null : backend.value(inputs[key]!)),
  };
  if (definition !== null && "runData" in definition) {
    const info = definition.runData(call);
    if (info !== null) {
      return info;
    }
  } else if (definition !== null && inGraph(inputs, definition.takesEmpty ?? false)) {
    const result = definition.run(call);
    if (result !== null) {
      return Array.isArray(result) ? result.map((value) => adopt(backend, value)) : adopt(backend, result);
    }
  } else if (definition?.runComplex !== undefined && areComplex(inputs)) {
    const info = definition.runComplex(call);
    if (info !== null) {
      return info;
    }
  }
  if (backend.fallback === null) {
    throw new KernelError(
      `Kernel '${name}' has no ONNX version for these inputs, and the fallback is off. ` +
        "Register the backend with { fallback: true }.",
    );
  }
  return backend.fallback.run(name, inputs, attrs);
}

function adopt(backend: OnnxBackend, value: LazyValue): tf.TensorInfo {
  return backend.adopt(
    value.producer !== null && value.shape.includes(0) ? backend.graph.empty(value.type, value.shape) : value,
  );
}

/** Whether a graph can hold all inputs: no strings, no complex numbers, nothing empty unless that is welcome. */
function inGraph(inputs: tf.NamedTensorInfoMap, empty: boolean): boolean {
  return Object.values(inputs).every(
    (info) => info == null || (elementTypeOf(info.dtype) !== null && (empty || !info.shape.includes(0))),
  );
}

function areComplex(inputs: tf.NamedTensorInfoMap): boolean {
  return Object.values(inputs).every((info) => info?.dtype === "complex64");
}
