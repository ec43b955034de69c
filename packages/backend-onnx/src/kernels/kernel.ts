import type * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import type { OnnxBackend } from "../onnx-backend.js";

/** What a kernel is called with. */
export interface KernelCall<Attributes> {
  readonly graph: GraphBuilder;
  readonly backend: OnnxBackend;
  readonly attrs: Attributes;
  readonly inputs: tf.NamedTensorInfoMap;
  /** The recorded value of a named input, in the input's shape. */
  input(name: string): LazyValue;
  /** As `input`, null where the input was left out. */
  optional(name: string): LazyValue | null;
}

/**
 * A kernel that records nodes.
 *
 * `run` returns the recorded result, or results; or null where ONNX cannot do this case, and the cpu backend's kernel
 * takes over. It never sees empty, complex or string inputs.
 */
export interface NativeKernel {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: the registry holds kernels of all attribute types.
  run(call: KernelCall<any>): LazyValue | LazyValue[] | null;
}

/** A kernel that deals in data ids itself, with inputs of any kind. */
export interface DataKernel {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  runData(call: KernelCall<any>): tf.TensorInfo | null;
}

export function kernel<Attributes = undefined>(
  name: string,
  run: (call: KernelCall<Attributes>) => LazyValue | LazyValue[] | null,
): NativeKernel {
  return { name, run };
}

export function dataKernel<Attributes = undefined>(
  name: string,
  runData: (call: KernelCall<Attributes>) => tf.TensorInfo | null,
): DataKernel {
  return { name, runData };
}
