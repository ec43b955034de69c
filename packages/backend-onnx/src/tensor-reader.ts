import { KernelError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Flusher } from "./flusher.js";
import type { HostArray } from "./graph/element-type.js";
import { sameShape } from "./graph/graph-builder.js";
import { HostTensor } from "./graph/host-tensor.js";
import type { LazyValue } from "./graph/lazy-value.js";
import type { Runtime, RuntimeTensor } from "./runtime/runtime.js";
import type { TensorStore } from "./tensor-store.js";

/** Reads elements, computing them first where need be. */
export class TensorReader {
  /** Set while a function is traced: what depends on its inputs then has no elements to read. */
  tracing = false;

  constructor(
    private readonly store: TensorStore,
    private readonly flusher: Flusher,
    private readonly runtime: Runtime,
  ) {}

  async read(dataId: tf.DataId): Promise<tf.backend_util.BackendValues> {
    const entry = this.store.entry(dataId);
    if (entry.strings !== undefined) {
      return entry.strings;
    }
    if (entry.complex !== undefined) {
      const { real, imag } = entry.complex;
      const parts = await Promise.all([this.read(real.dataId), this.read(imag.dataId)]);
      return tf.backend_util.mergeRealAndImagArrays(...(parts as [Float32Array, Float32Array]));
    }
    const value = entry.value!;
    // The tensor may be disposed while its elements are on their way.
    this.store.hold(value);
    try {
      if (value.resident === null) {
        this.#refuseWhileTracing();
        await this.flusher.flush().catch(unlessSettled(value));
      }
      const resident = settled(value);
      return (resident.host ?? (await resident.download())) as tf.backend_util.BackendValues;
    } finally {
      this.store.release(value);
    }
  }

  readSync(dataId: tf.DataId): tf.backend_util.BackendValues {
    const entry = this.store.entry(dataId);
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

  /** The elements of a tensor in its shape, as a session can be fed with. */
  resident(info: tf.TensorInfo): RuntimeTensor {
    const value = this.store.entry(info.dataId).value!;
    this.#compute(value);
    const elements = settled(value);
    return sameShape(value.shape, info.shape) && !(elements instanceof HostTensor)
      ? elements
      : this.runtime.upload(value.type, info.shape, this.#hostArray(value));
  }

  #hostArray(value: LazyValue): HostArray {
    if (value.resident === null) {
      this.#refuseWhileTracing();
      this.#compute(value);
    }
    const resident = settled(value);
    const host = resident.host ?? resident.downloadSync?.();
    if (host === undefined) {
      throw new KernelError(`The elements live on a device of ${this.runtime.name}; use await tensor.data().`);
    }
    return host;
  }

  #compute(value: LazyValue): void {
    if (value.resident === null) {
      try {
        this.flusher.flushSync();
      } catch (error) {
        unlessSettled(value)(error);
      }
    }
  }

  #refuseWhileTracing(): void {
    if (this.tracing) {
      throw new KernelError(
        "A compiled function may not read values that depend on its inputs: they do not exist while it is traced. " +
          "Decide with tensors (tf.where) instead of control flow, or read outside of the compiled function.",
      );
    }
  }
}

/** A flush that failed for other tensors only is no failure of this one. */
function unlessSettled(value: LazyValue): (error: unknown) => void {
  return (error) => {
    if (value.resident === null) {
      throw value.failure ?? error;
    }
  };
}

function settled(value: LazyValue): RuntimeTensor {
  if (value.failure !== null) {
    throw value.failure;
  }
  return value.resident!;
}
