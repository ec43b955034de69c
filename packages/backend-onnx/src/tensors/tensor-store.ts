import { KernelError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import { LazyValue } from "../graph/lazy-value.js";
import { sameShape } from "../graph/shape-builder.js";
import { elementTypeOf, toHostArray } from "../runtime/element-type.js";
import type { Runtime, RuntimeTensor } from "../runtime/runtime.js";
import { DeviceTensors } from "./device-tensors.js";
import { areEqual, isLargeOnes } from "./equal-elements.js";

/** The content of a data id: exactly one of `value`, `strings` and `complex`. */
export interface Entry {
  readonly dtype: tf.DataType;
  refCount: number;
  value?: LazyValue;
  strings?: Uint8Array[];
  complex?: ComplexParts;
}

/** The float32 tensors of which a complex one consists. */
export interface ComplexParts {
  readonly real: tf.TensorInfo;
  readonly imag: tf.TensorInfo;
}

/** Values from tfjs. */
export interface TensorData {
  readonly values: tf.backend_util.BackendValues;
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
}

/** What the values of a backend take. */
export interface StoreMemory {
  /** Bytes of the elements of held values. */
  readonly residentBytes: number;
  /** Bytes of tensors that stay on a device; what graphs take there, to run in or to be replayed, comes on top. */
  readonly deviceBytes: number;
  /** Held values that are still to be computed. */
  readonly pendingValues: number;
}

/** The data ids of one backend, their content, and which of their values are still to be computed. */
export class TensorStore {
  readonly #data: tf.DataStorage<Entry>;
  readonly #pending = new Set<LazyValue>();
  readonly deviceTensors = new DeviceTensors();
  readonly #graph: GraphBuilder;
  readonly #runtime: Runtime;
  #bytes = 0;
  #cleared = false;

  constructor(backend: tf.KernelBackend, graph: GraphBuilder, runtime: Runtime) {
    this.#graph = graph;
    this.#runtime = runtime;
    // For unknown data ids the storage asks tfjs's engine, which moves them from the backend that has them.
    this.#data = new tf.DataStorage(backend, tf.engine());
  }

  /** Held values without elements, in the order in which they were recorded. */
  get pending(): ReadonlySet<LazyValue> {
    return this.#pending;
  }

  /** What the values take now. */
  memory(): StoreMemory {
    return {
      residentBytes: this.#bytes,
      deviceBytes: this.deviceTensors.bytes,
      pendingValues: this.#pending.size,
    };
  }

  /** Number of data ids. */
  get size(): number {
    return this.#data.numDataIds();
  }

  has(dataId: tf.DataId): boolean {
    return this.#data.has(dataId);
  }

  entry(dataId: tf.DataId): Entry {
    return this.#data.get(dataId);
  }

  /** The recorded value of a tensor, in the tensor's shape. */
  value(info: tf.TensorInfo): LazyValue {
    const value = this.#data.get(info.dataId)?.value;
    if (value === undefined) {
      throw new KernelError(
        `Expected a float32, int32 or bool tensor, got ${info.dtype} of shape [${info.shape}]. ` +
          "Disposed tensors, strings and complex numbers cannot be part of a graph.",
      );
    }
    if (sameShape(value.shape, info.shape)) {
      return value;
    }
    return value.resident?.host == null ? this.#graph.reshape(value, info.shape) : this.view(value, info.shape);
  }

  /** Creates a data id for a value. */
  adopt(value: LazyValue): tf.TensorInfo {
    const dataId = {};
    const dtype = value.type as tf.DataType;
    this.hold(value);
    this.#data.set(dataId, { dtype, refCount: 1, value });
    return { dataId, shape: [...value.shape], dtype };
  }

  /** Creates a complex tensor of two float32 tensors, which it borrows. */
  adoptComplex(real: tf.TensorInfo, imag: tf.TensorInfo): tf.TensorInfo {
    const dataId = {};
    const complex = { real: this.adopt(this.value(real)), imag: this.adopt(this.value(imag)) };
    this.#data.set(dataId, { dtype: "complex64", refCount: 1, complex });
    return { dataId, shape: [...real.shape], dtype: "complex64" };
  }

  /**
   * Stores values under a data id.
   *
   * @param copy - Whether the caller may change them later.
   */
  put(dataId: tf.DataId, { values, shape, dtype }: TensorData, refCount: number, copy: boolean): void {
    if (dtype === "string") {
      this.#data.set(dataId, { dtype, refCount, strings: values as Uint8Array[] });
      return;
    }
    if (dtype === "complex64") {
      const { real, imag } = tf.backend_util.splitRealAndImagArrays(values as Float32Array);
      const complex = { real: this.#part(real, shape), imag: this.#part(imag, shape) };
      this.#data.set(dataId, { dtype, refCount, complex });
      return;
    }
    const type = elementTypeOf(dtype);
    if (type === undefined) {
      throw new KernelError(`The onnx backend stores float32, int32, bool, complex64 and string, not ${dtype}.`);
    }
    let value: LazyValue;
    const numbers = values as Float32Array;
    if ((copy && type === "float32" && isLargeOnes(numbers)) || (this.#graph.fillsUploads && areEqual(numbers))) {
      value = this.#graph.fill(type, shape, numbers[0]!);
    } else {
      value = new LazyValue(type, [...shape]);
      value.resident = this.#runtime.upload(type, value.shape, toHostArray(type, values, copy));
    }
    this.hold(value);
    this.#data.set(dataId, { dtype, refCount, value });
  }

  /** Gives a data id another value, where one tensor alone has it; otherwise returns false. */
  replace(dataId: tf.DataId, value: LazyValue): boolean {
    const entry = this.#data.has(dataId) ? this.#data.get(dataId) : undefined;
    const before = entry?.value;
    if (entry?.refCount !== 1 || before === undefined) {
      return false;
    }
    this.hold(value);
    entry.value = value;
    this.release(before);
    return true;
  }

  delete(dataId: tf.DataId): void {
    const { value } = this.#data.get(dataId);
    this.#data.delete(dataId);
    if (value !== undefined) {
      this.release(value);
    }
  }

  /** Adds a holder to a value: it is computed with the next flush and keeps its elements. */
  hold(value: LazyValue): void {
    if (value.holders++ > 0) {
      return;
    }
    if (value.resident !== undefined) {
      this.#keep(value.resident);
    } else if (value.producer !== undefined || value.isDeferred) {
      this.#pending.add(value);
    }
  }

  /** Removes a holder from a value; without holders its elements are freed. */
  release(value: LazyValue): void {
    if (--value.holders > 0) {
      return;
    }
    this.#pending.delete(value);
    if (value.resident !== undefined) {
      this.#bytes -= value.resident.byteLength;
      this.deviceTensors.release(value.resident, this.#pending.size > 0);
    }
  }

  /** Sets the elements of computed values and drops the nodes that produced them. */
  resolve(values: readonly LazyValue[], results: readonly RuntimeTensor[]): void {
    values.forEach((value, i) => {
      const resident = results[i]!;
      value.settle();
      value.resident = resident;
      this.#pending.delete(value);
      if (value.holders > 0 && !this.#cleared) {
        this.#keep(resident);
      } else if (resident.host === undefined) {
        this.deviceTensors.discard(resident, this.#pending.size > 0);
      }
    });
  }

  /** Marks values that could not be computed with the reason. */
  fail(values: readonly LazyValue[], error: Error): void {
    for (const value of values) {
      value.failure = error;
      value.settle();
      this.#pending.delete(value);
    }
  }

  /**
   * Gives pending values up and frees everything on a device. Nothing can be computed there afterwards.
   *
   * @param movesToHost - Whether what tensors hold there can be read afterwards, on the host.
   */
  clear(movesToHost: boolean): void {
    this.#cleared = true;
    this.fail(
      [...this.#pending],
      new KernelError(
        "The onnx backend was removed before it computed this tensor. Read tensors before you start or remove a backend, " +
          "or make them anew.",
      ),
    );
    this.deviceTensors.clear(movesToHost);
  }

  #keep(resident: RuntimeTensor): void {
    this.#bytes += resident.byteLength;
    if (resident.host === undefined) {
      this.deviceTensors.hold(resident);
    }
  }

  #part(values: Float32Array, shape: readonly number[]): tf.TensorInfo {
    const dataId = {};
    this.put(dataId, { values, shape, dtype: "float32" }, 1, false);
    return { dataId, shape: [...shape], dtype: "float32" };
  }

  /** A view of existing elements on the host, the same at each call, needs no node: the graph is fed with the view. */
  view(base: LazyValue, shape: readonly number[]): LazyValue {
    base.views ??= new Map();
    const key = shape.join();
    let view = base.views.get(key);
    if (view === undefined) {
      view = new LazyValue(base.type, [...shape]);
      view.resident = this.#runtime.upload(base.type, view.shape, base.resident!.host!);
      view.base = base;
      view.splat = base.splat;
      base.views.set(key, view);
    }
    return view;
  }
}
