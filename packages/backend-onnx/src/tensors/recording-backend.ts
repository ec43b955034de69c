import type * as tf from "@tensorflow/tfjs-core";
import type { Executor } from "../graph/executor.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import type { Planner } from "../graph/plan.js";
import type { RuntimeTensor } from "../runtime/runtime.js";
import type { Flusher } from "./flusher.js";
import type { ComplexParts } from "./tensor-store.js";

/** The methods of the backend that kernels, traces and the fallback use. */
export interface RecordingBackend extends tf.KernelBackend {
  /** Records operators. */
  readonly graph: GraphBuilder;
  readonly planner: Planner;
  readonly executor: Executor;
  /** Computes what is recorded and deferred. */
  readonly flusher: Flusher;
  /** Runs kernels without an ONNX version; undefined if it is off. */
  readonly fallback: KernelFallback | undefined;
  /** Whether a function is being traced: reading a value that depends on its inputs is then an error. */
  tracing: boolean;

  /** The recorded value of a tensor, in the tensor's shape. */
  value(info: tf.TensorInfo): LazyValue;
  /** The value that a tensor's data id holds, in the shape in which it was recorded. */
  heldValue(info: tf.TensorInfo): LazyValue;
  /** The elements of a tensor in its shape, computed now if necessary. For synchronous runtimes. */
  resident(info: tf.TensorInfo): RuntimeTensor;
  /** Keeps a value's elements as a tensor would, until `release`. */
  hold(value: LazyValue): void;
  /** Ends one `hold` of a value. */
  release(value: LazyValue): void;

  /** Creates a tensor for a value; it belongs to the caller or to the open `tf.tidy`. */
  tensor(value: LazyValue): tf.Tensor;
  /** Gives a tensor another value of its shape, where no other tensor has its data id; otherwise returns false. */
  replace(info: tf.TensorInfo, value: LazyValue): boolean;
  /** Creates a data id for a value. */
  adopt(value: LazyValue): tf.TensorInfo;
  /** The same data id under another shape: the result of a reshape or an identity. */
  share(info: tf.TensorInfo, shape?: readonly number[]): tf.TensorInfo;
  /** Creates a complex tensor of two float32 tensors, which it borrows. */
  joinComplex(real: tf.TensorInfo, imag: tf.TensorInfo): tf.TensorInfo;
  /** The real and the imaginary part of a complex tensor, borrowed. */
  complexParts(info: tf.TensorInfo): ComplexParts;
  /** Stores an array without copying it; the caller gives it up. */
  writeOwned(values: tf.backend_util.BackendValues, shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;

  /** Computes every live tensor. */
  flush(): Promise<void>;
  /** Synchronous `flush`. */
  flushSync(): void;
}

/** Runs kernels that have no ONNX version. */
export interface KernelFallback {
  run(name: string, inputs: tf.NamedTensorInfoMap, attrs: tf.NamedAttrMap | undefined): tf.TensorInfo | tf.TensorInfo[];
}

/** Whether a tfjs backend is the one of this package, also where another copy of the package created it. */
export function isRecordingBackend(backend: tf.KernelBackend): backend is RecordingBackend {
  return "graph" in backend && "planner" in backend && "heldValue" in backend;
}
