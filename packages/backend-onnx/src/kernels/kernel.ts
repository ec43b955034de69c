import { KernelError } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { elementTypeOf } from "../runtime/element-type.js";
import type { RecordingBackend } from "../tensors/recording-backend.js";

/** The arguments of a kernel. */
export interface KernelCall<Attributes> {
  readonly graph: GraphBuilder;
  readonly backend: RecordingBackend;
  readonly attrs: Attributes;
  readonly inputs: tf.NamedTensorInfoMap;
  /** The recorded value of a named input, in the input's shape. */
  input(name: string): LazyValue;
  /** The same for an optional input; undefined if it was left out. */
  optional(name: string): LazyValue | undefined;
}

/**
 * A kernel that records nodes.
 *
 * `run` returns the recorded result or results, or undefined for cases that ONNX cannot do: the cpu backend's kernel
 * then runs instead. It never gets complex or string inputs, and empty ones only with `takesEmpty`.
 */
export interface NativeKernel extends KernelExtras {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: the registry holds kernels of all attribute types.
  run(call: KernelCall<any>): LazyValue | LazyValue[] | undefined;
}

export interface KernelExtras {
  /** Whether `run` accepts inputs without elements. A result without elements is then recorded without a node. */
  readonly takesEmpty?: boolean;
  /** Runs the kernel on complex inputs, part by part. */
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  runComplex?(call: KernelCall<any>): tf.TensorInfo | undefined;
}

/** A kernel that creates data ids itself and accepts inputs of any kind. */
export interface DataKernel {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  runData(call: KernelCall<any>): tf.TensorInfo | undefined;
}

/** Defines a kernel that records nodes. */
export function kernel<Attributes = undefined>(
  name: string,
  run: (call: KernelCall<Attributes>) => LazyValue | LazyValue[] | undefined,
  extras: KernelExtras = {},
): NativeKernel {
  return { name, run, ...extras };
}

/** Defines a kernel that creates data ids itself. */
export function dataKernel<Attributes = undefined>(
  name: string,
  runData: (call: KernelCall<Attributes>) => tf.TensorInfo | undefined,
): DataKernel {
  return { name, runData };
}

/** The arguments with which tfjs's registry calls a kernel. */
interface KernelParameters {
  readonly inputs: tf.NamedTensorInfoMap;
  readonly backend: unknown;
  readonly attrs?: tf.NamedAttrMap;
}

/**
 * Records a kernel, or runs the cpu backend's kernel if it has no ONNX version for these inputs.
 *
 * @param definition - Undefined for a kernel without an ONNX version.
 * @throws {@link KernelError} if the fallback is needed but off.
 */
export function runKernel(
  name: string,
  definition: NativeKernel | DataKernel | undefined,
  { inputs, backend: anyBackend, attrs }: KernelParameters,
): tf.TensorInfo | tf.TensorInfo[] {
  const backend = anyBackend as RecordingBackend;
  const call: KernelCall<unknown> = {
    graph: backend.graph,
    backend,
    attrs,
    inputs,
    input: (key) => backend.value(inputs[key]!),
    optional: (key) => (inputs[key] == null ? undefined : backend.value(inputs[key]!)),
  };
  if (definition !== undefined && "runData" in definition) {
    const info = definition.runData(call);
    if (info !== undefined) {
      return info;
    }
  } else if (definition !== undefined && canRecord(inputs, definition.takesEmpty ?? false)) {
    const result = definition.run(call);
    if (result !== undefined) {
      return Array.isArray(result) ? result.map((value) => adopt(backend, value)) : adopt(backend, result);
    }
  } else if (definition?.runComplex !== undefined && areComplex(inputs)) {
    const info = definition.runComplex(call);
    if (info !== undefined) {
      return info;
    }
  }
  if (backend.fallback === undefined) {
    throw new KernelError(
      `Kernel '${name}' has no ONNX version for these inputs, and the fallback is off. ` +
        "Register the backend with { fallback: true }.",
    );
  }
  return backend.fallback.run(name, inputs, attrs);
}

function adopt(backend: RecordingBackend, value: LazyValue): tf.TensorInfo {
  return backend.adopt(
    value.producer !== undefined && value.shape.includes(0) ? backend.graph.empty(value.type, value.shape) : value,
  );
}

/** Whether a graph can hold all inputs: no strings, no complex numbers, no empty tensors unless `takesEmpty`. */
function canRecord(inputs: tf.NamedTensorInfoMap, takesEmpty: boolean): boolean {
  return Object.values(inputs).every(
    (info) => info == null || (elementTypeOf(info.dtype) !== undefined && (takesEmpty || !info.shape.includes(0))),
  );
}

function areComplex(inputs: tf.NamedTensorInfoMap): boolean {
  return Object.values(inputs).every((info) => info?.dtype === "complex64");
}
