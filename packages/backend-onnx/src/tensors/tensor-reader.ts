import { KernelError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LazyValue } from "../graph/lazy-value.js";
import { sameShape } from "../graph/shape-builder.js";
import type { HostArray } from "../runtime/element-type.js";
import { HostTensor, type Runtime, type RuntimeTensor } from "../runtime/runtime.js";
import type { Flusher } from "./flusher.js";
import type { TensorStore } from "./tensor-store.js";

/** Reads elements of tensors, and computes them first if necessary. */
export class TensorReader {
  /** Set while a function is traced: values that depend on its inputs then have no elements to read. */
  tracing = false;
  readonly #store: TensorStore;
  readonly #flusher: Flusher;
  readonly #runtime: Runtime;

  constructor(store: TensorStore, flusher: Flusher, runtime: Runtime) {
    this.#store = store;
    this.#flusher = flusher;
    this.#runtime = runtime;
  }

  async read(dataId: tf.DataId): Promise<tf.backend_util.BackendValues> {
    const entry = this.#store.entry(dataId);
    if (entry.strings !== undefined) {
      return entry.strings;
    }
    if (entry.complex !== undefined) {
      const { real, imag } = entry.complex;
      const parts = await Promise.all([this.read(real.dataId), this.read(imag.dataId)]);
      return tf.backend_util.mergeRealAndImagArrays(...(parts as [Float32Array, Float32Array]));
    }
    const value = entry.value!;
    // The tensor may be disposed while its elements are being computed.
    this.#store.hold(value);
    try {
      if (value.resident === undefined) {
        this.#refuseWhileTracing();
        await this.#flusher.flush().catch((error) => throwUnlessResolved(value, error));
      }
      const resident = residentOf(value);
      return (resident.host ?? (await resident.download())) as tf.backend_util.BackendValues;
    } finally {
      this.#store.release(value);
    }
  }

  readSync(dataId: tf.DataId): tf.backend_util.BackendValues {
    const entry = this.#store.entry(dataId);
    if (entry.strings !== undefined) {
      return entry.strings;
    }
    if (entry.complex !== undefined) {
      const { real, imag } = entry.complex;
      const parts = [this.readSync(real.dataId), this.readSync(imag.dataId)];
      return tf.backend_util.mergeRealAndImagArrays(...(parts as [Float32Array, Float32Array]));
    }
    return this.#hostArray(entry.value!) as tf.backend_util.BackendValues;
  }

  /** The elements of a tensor in its shape, as a feed for a session. */
  resident(info: tf.TensorInfo): RuntimeTensor {
    const value = this.#store.entry(info.dataId).value!;
    this.#compute(value);
    const elements = residentOf(value);
    if (sameShape(value.shape, info.shape) && !(elements instanceof HostTensor)) {
      return elements;
    }
    return elements.host === undefined
      ? this.#runtime.upload(value.type, info.shape, this.#hostArray(value))
      : residentOf(this.#store.view(value, info.shape));
  }

  #hostArray(value: LazyValue): HostArray {
    if (value.resident === undefined) {
      this.#refuseWhileTracing();
      this.#compute(value);
    }
    const resident = residentOf(value);
    const host = resident.host ?? resident.downloadSync?.();
    if (host === undefined) {
      throw new KernelError(
        `The elements are on a device, and ${this.#runtime.name} cannot read them synchronously; use await tensor.data().`,
      );
    }
    return host;
  }

  #compute(value: LazyValue): void {
    if (value.resident === undefined) {
      try {
        this.#flusher.flushSync();
      } catch (error) {
        throwUnlessResolved(value, error);
      }
    }
  }

  #refuseWhileTracing(): void {
    if (this.tracing) {
      throw new KernelError(
        "A compiled function cannot read values that depend on its inputs: they do not exist while it is traced. " +
          "Use tensors (tf.where) instead of control flow, or read outside the compiled function.",
      );
    }
  }
}

/** A flush that failed only for other values is no failure of this one. */
function throwUnlessResolved(value: LazyValue, error: unknown): void {
  if (value.resident === undefined) {
    throw value.failure ?? error;
  }
}

function residentOf(value: LazyValue): RuntimeTensor {
  if (value.failure !== undefined) {
    throw value.failure;
  }
  return value.resident!;
}
