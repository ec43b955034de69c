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
 * takes over. It never sees complex or string inputs, and empty ones only where it says so.
 */
export interface NativeKernel extends KernelExtras {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: the registry holds kernels of all attribute types.
  run(call: KernelCall<any>): LazyValue | LazyValue[] | null;
}

export interface KernelExtras {
  /** Whether `run` is right for inputs without elements too. A result without elements then costs no node. */
  readonly takesEmpty?: boolean;
  /** What `run` is to complex inputs, of which it deals with the parts itself. */
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  runComplex?(call: KernelCall<any>): tf.TensorInfo | null;
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
  extras: KernelExtras = {},
): NativeKernel {
  return { name, run, ...extras };
}

export function dataKernel<Attributes = undefined>(
  name: string,
  runData: (call: KernelCall<Attributes>) => tf.TensorInfo | null,
): DataKernel {
  return { name, runData };
}
