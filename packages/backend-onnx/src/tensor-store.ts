import { KernelError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { elementTypeOf } from "./graph/element-type.js";
import { type GraphBuilder, sameShape } from "./graph/graph-builder.js";
import { LazyValue } from "./graph/lazy-value.js";
import type { Runtime, RuntimeTensor } from "./runtime/runtime.js";
import { toHostArray } from "./to-host-array.js";

/** What a data id stands for. Exactly one of `value`, `strings` and `complex` is there. */
export interface Entry {
  readonly dtype: tf.DataType;
  refCount: number;
  value?: LazyValue;
  strings?: Uint8Array[];
  complex?: ComplexParts;
}

export interface ComplexParts {
  readonly real: tf.TensorInfo;
  readonly imag: tf.TensorInfo;
}

/** Values as tfjs hands them over. */
export interface Written {
  readonly values: tf.backend_util.BackendValues;
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
}

/** The data ids of one backend, what they stand for, and which of their values still have to be computed. */
export class TensorStore {
  readonly #data: tf.DataStorage<Entry>;
  readonly #pending = new Set<LazyValue>();
  /** Elements on a device that something holds. */
  readonly #onDevice = new Set<RuntimeTensor>();
  readonly #dropped: RuntimeTensor[] = [];
  #bytes = 0;
  #cleared = false;

  constructor(
    backend: tf.KernelBackend,
    private readonly graph: GraphBuilder,
    private readonly runtime: Runtime,
  ) {
    // The engine is asked for data ids that are not here, and moves them from the backend that has them.
    this.#data = new tf.DataStorage(backend, tf.engine());
  }

  /** Values that data ids hold and that have no elements yet, oldest first. */
  get pending(): ReadonlySet<LazyValue> {
    return this.#pending;
  }

  /** Bytes of the elements that data ids hold. */
  get bytes(): number {
    return this.#bytes;
  }

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
          "A tensor that was disposed, or one of strings or complex numbers, has no place in a graph.",
      );
    }
    if (sameShape(value.shape, info.shape)) {
      return value;
    }
    return value.resident?.host == null ? this.graph.reshape(value, info.shape) : this.#view(value, info.shape);
  }

  /** Gives a value a data id of its own. */
  adopt(value: LazyValue): tf.TensorInfo {
    const dataId = {};
    const dtype = value.type as tf.DataType;
    this.hold(value);
    this.#data.set(dataId, { dtype, refCount: 1, value });
    return { dataId, shape: [...value.shape], dtype };
  }

  /** Joins two float tensors, which stay their owner's, to a complex one. */
  adoptComplex(real: tf.TensorInfo, imag: tf.TensorInfo): tf.TensorInfo {
    const dataId = {};
    const complex = { real: this.adopt(this.value(real)), imag: this.adopt(this.value(imag)) };
    this.#data.set(dataId, { dtype: "complex64", refCount: 1, complex });
    return { dataId, shape: [...real.shape], dtype: "complex64" };
  }

  /**
   * Stores what came from outside under a data id.
   *
   * @param copy - whether its owner may go on to change it.
   */
  put(dataId: tf.DataId, { values, shape, dtype }: Written, refCount: number, copy: boolean): void {
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
    if (type === null) {
      throw new KernelError(`The onnx backend stores float32, int32, bool, complex64 and string, not ${dtype}.`);
    }
    let value: LazyValue;
    if (copy && type === "float32" && isLargeOnes(values as Float32Array)) {
      value = this.graph.fill(type, shape, 1);
    } else {
      value = new LazyValue(type, [...shape]);
      value.resident = this.runtime.upload(type, value.shape, toHostArray(type, values, copy));
    }
    this.hold(value);
    this.#data.set(dataId, { dtype, refCount, value });
  }

  delete(dataId: tf.DataId): void {
    const { value } = this.#data.get(dataId);
    this.#data.delete(dataId);
    if (value !== undefined) {
      this.release(value);
    }
  }

  /** Counts one more holder of a value: it is computed with the next flush and keeps its elements. */
  hold(value: LazyValue): void {
    if (value.holders++ > 0) {
      return;
    }
    if (value.resident !== null) {
      this.#keep(value.resident);
    } else if (value.producer !== null) {
      this.#pending.add(value);
    }
  }

  release(value: LazyValue): void {
    if (--value.holders > 0) {
      return;
    }
    this.#pending.delete(value);
    if (value.resident !== null) {
      this.#bytes -= value.resident.byteLength;
      if (this.#onDevice.delete(value.resident)) {
        this.#drop(value.resident);
      }
    }
  }

  /** Elements on a device that nothing holds any more. What is pending may read them until it is computed. */
  takeDropped(): RuntimeTensor[] {
    return this.#dropped.splice(0);
  }

  /** Gives computed values their elements and forgets how they were made. */
  settle(values: readonly LazyValue[], results: readonly RuntimeTensor[]): void {
    values.forEach((value, i) => {
      const resident = results[i]!;
      value.producer = null;
      value.resident = resident;
      this.#pending.delete(value);
      if (value.holders > 0 && !this.#cleared) {
        this.#keep(resident);
      } else if (resident.host === null) {
        this.#drop(resident);
      }
    });
  }

  /** Tells values that could not be computed why. */
  poison(values: readonly LazyValue[], error: Error): void {
    for (const value of values) {
      value.failure = error;
      value.producer = null;
      this.#pending.delete(value);
    }
  }

  /** Forgets what is pending and frees what is on a device: nothing can be computed or read there any more. */
  clear(): void {
    this.#cleared = true;
    this.#pending.clear();
    for (const resident of [...this.takeDropped(), ...this.#onDevice]) {
      resident.dispose();
    }
    this.#onDevice.clear();
  }

  #keep(resident: RuntimeTensor): void {
    this.#bytes += resident.byteLength;
    if (resident.host === null) {
      this.#onDevice.add(resident);
    }
  }

  /** Frees elements on a device, later if what is pending may still read them. */
  #drop(resident: RuntimeTensor): void {
    if (this.#pending.size > 0) {
      this.#dropped.push(resident);
    } else {
      resident.dispose();
    }
  }

  #part(values: Float32Array, shape: readonly number[]): tf.TensorInfo {
    const dataId = {};
    this.put(dataId, { values, shape, dtype: "float32" }, 1, false);
    return { dataId, shape: [...shape], dtype: "float32" };
  }

  /** Elements that exist need no node to be seen in another shape; the graph is then fed with the shape it uses. */
  #view(base: LazyValue, shape: readonly number[]): LazyValue {
    base.views ??= new Map();
    const key = shape.join();
    let view = base.views.get(key);
    if (view === undefined) {
      view = new LazyValue(base.type, [...shape]);
      view.resident = this.runtime.upload(base.type, view.shape, base.resident!.host!);
      view.base = base;
      view.splat = base.splat;
      base.views.set(key, view);
    }
    return view;
  }
}

/**
 * Whether this is the array of ones that tfjs's gradients of sums and means multiply with: recorded as a fill it costs
 * neither an upload nor a product.
 */
function isLargeOnes(values: Float32Array): boolean {
  // A plain loop: a callback for each of half a million numbers would take longer than the sum they belong to.
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== 1) {
      return false;
    }
  }
  return values.length >= 1024;
}
