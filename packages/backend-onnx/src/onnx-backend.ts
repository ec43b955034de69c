import { ConfigError, KernelError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { Executor } from "./executor.js";
import { Fallback } from "./fallback.js";
import { elementTypeOf, type HostArray } from "./graph/element-type.js";
import { GraphBuilder, sameShape } from "./graph/graph-builder.js";
import { HostTensor } from "./graph/host-tensor.js";
import { LazyValue } from "./graph/lazy-value.js";
import { Planner } from "./graph/plan.js";
import type { OnnxBackendOptions } from "./options.js";
import { nodeRuntime } from "./runtime/node-runtime.js";
import type { RuntimeTensor } from "./runtime/runtime.js";
import type { SessionCacheInfo } from "./session-cache.js";
import { toHostArray } from "./to-host-array.js";
import { compile } from "./trace/compile.js";
import { type ScanState, scan } from "./trace/scan.js";
import type { TensorStructure } from "./trace/structure.js";

/** What a data id stands for. Exactly one of `value`, `strings` and `complex` is there. */
interface Entry {
  readonly dtype: tf.DataType;
  refCount: number;
  value?: LazyValue;
  strings?: Uint8Array[];
  complex?: { readonly real: tf.TensorInfo; readonly imag: tf.TensorInfo };
}

/**
 * The TensorFlow.js backend that records instead of computing.
 *
 * Reach the active one with `tf.backend() as OnnxBackend`.
 */
export class OnnxBackend extends tf.KernelBackend {
  readonly graph = new GraphBuilder();
  readonly planner = new Planner();
  readonly executor: Executor;
  readonly fallback: Fallback | null;
  /** Set while a function is traced: reading what depends on its inputs is then an error. */
  tracing = false;
  readonly #data = new tf.DataStorage<Entry>(this, tf.engine());
  /** Values that data ids hold and that have no elements yet, oldest first. */
  readonly #pending = new Set<LazyValue>();
  readonly #flushAfterNodes: number;
  #flushing: Promise<void> | null = null;
  #bytes = 0;
  #disposed = false;

  constructor(options: OnnxBackendOptions = {}) {
    super();
    this.executor = new Executor(
      options.runtime ?? nodeRuntime(),
      {
        intraOpNumThreads: options.intraOpNumThreads ?? processors(),
        graphOptimizationLevel: options.graphOptimizationLevel ?? "all",
        executionProviders: options.executionProviders ?? ["cpu"],
        profilePrefix: options.profilePrefix ?? null,
      },
      positive("sessionCacheSize", options.sessionCacheSize ?? 64),
    );
    this.#flushAfterNodes = positive("flushAfterNodes", options.flushAfterNodes ?? 4000);
    this.fallback = (options.fallback ?? true) ? new Fallback(this) : null;
  }

  /** The compiled graphs held, and how often they were found. */
  sessions(): SessionCacheInfo {
    return this.executor.cache.info();
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

  /** The value a tensor's data id holds, in whatever shape it was made. */
  heldValue(info: tf.TensorInfo): LazyValue {
    return this.#data.get(info.dataId).value!;
  }

  /** The elements of a tensor in its shape, computed now if need be. For synchronous runtimes. */
  resident(info: tf.TensorInfo): RuntimeTensor {
    const value = this.heldValue(info);
    if (value.resident === null) {
      this.flushSync();
    }
    const elements = settled(value);
    return sameShape(value.shape, info.shape) && !(elements instanceof HostTensor)
      ? elements
      : this.executor.runtime.upload(value.type, info.shape, this.readValueSync(value));
  }

  /** A tensor of its own for a value; the caller's, or the open tidy's. */
  tensor(value: LazyValue): tf.Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.adopt(value), this);
  }

  /** Gives a value a data id of its own. */
  adopt(value: LazyValue): tf.TensorInfo {
    const dataId = {};
    this.#hold({ dtype: value.type as tf.DataType, refCount: 1, value }, dataId);
    return { dataId, shape: [...value.shape], dtype: value.type as tf.DataType };
  }

  /** The same data under another shape or none: what a reshape and an identity are. */
  share(info: tf.TensorInfo, shape: readonly number[] = info.shape): tf.TensorInfo {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape: [...shape], dtype: info.dtype };
  }

  /** Joins two float tensors to a complex one, which takes one more reference of each. */
  joinComplex(real: tf.TensorInfo, imag: tf.TensorInfo): tf.TensorInfo {
    const dataId = {};
    const parts = { real: this.adopt(this.value(real)), imag: this.adopt(this.value(imag)) };
    this.#data.set(dataId, { dtype: "complex64", refCount: 1, complex: parts });
    return { dataId, shape: [...real.shape], dtype: "complex64" };
  }

  /** The two parts of a complex tensor, borrowed. */
  complexParts(info: tf.TensorInfo): { readonly real: tf.TensorInfo; readonly imag: tf.TensorInfo } {
    return this.#data.get(info.dataId).complex!;
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    const dataId = {};
    this.#store(dataId, values, shape, dtype, 1, true);
    return dataId;
  }

  /** As `write`, for arrays that nobody else holds: no copy is made. */
  writeOwned(values: tf.backend_util.BackendValues, shape: readonly number[], dtype: tf.DataType): tf.TensorInfo {
    const dataId = {};
    this.#store(dataId, values, shape, dtype, 1, false);
    return { dataId, shape: [...shape], dtype };
  }

  override move(
    dataId: tf.DataId,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    this.#store(dataId, values, shape, dtype, refCount, true);
  }

  override async read(dataId: tf.DataId): Promise<tf.backend_util.BackendValues> {
    const entry = this.#data.get(dataId);
    if (entry.strings !== undefined) {
      return entry.strings;
    }
    if (entry.complex !== undefined) {
      const [real, imag] = await Promise.all([
        this.read(entry.complex.real.dataId),
        this.read(entry.complex.imag.dataId),
      ]);
      return tf.backend_util.mergeRealAndImagArrays(real as Float32Array, imag as Float32Array);
    }
    const value = entry.value!;
    // The tensor may be disposed while its elements are on their way.
    value.holders++;
    try {
      if (value.resident === null) {
        this.#refuseWhileTracing();
        await this.flush();
      }
      const resident = settled(value);
      return (resident.host ?? (await resident.download())) as tf.backend_util.BackendValues;
    } finally {
      this.#release(value);
    }
  }

  override readSync(dataId: tf.DataId): tf.backend_util.BackendValues {
    const entry = this.#data.get(dataId);
    if (entry.strings !== undefined) {
      return entry.strings;
    }
    if (entry.complex !== undefined) {
      return tf.backend_util.mergeRealAndImagArrays(
        this.readSync(entry.complex.real.dataId) as Float32Array,
        this.readSync(entry.complex.imag.dataId) as Float32Array,
      );
    }
    return this.readValueSync(entry.value!) as tf.backend_util.BackendValues;
  }

  /** The elements of a value, computed now if need be. */
  readValueSync(value: LazyValue): HostArray {
    if (value.resident === null) {
      this.#refuseWhileTracing();
      this.flushSync();
    }
    const { host } = settled(value);
    if (host === null) {
      throw new KernelError(`The elements live on a device of ${this.executor.runtime.name}; use await tensor.data().`);
    }
    return host;
  }

  /** Computes every live tensor. Returns when they have elements; reads do this by themselves. */
  flush(): Promise<void> {
    if (this.executor.runtime.synchronous) {
      this.flushSync();
      return Promise.resolve();
    }
    const next = (this.#flushing ?? Promise.resolve()).then(() => this.#flushLater());
    // A failed flush has told its values; the next one starts afresh.
    this.#flushing = next.catch(() => {});
    return next;
  }

  /**
   * As {@link flush}, at once.
   *
   * @throws {@link KernelError} when the runtime only has promises.
   */
  flushSync(): void {
    if (!this.executor.runtime.synchronous) {
      throw new KernelError(
        `The runtime ${this.executor.runtime.name} cannot answer at once; use await tensor.data() instead of dataSync().`,
      );
    }
    const outputs = this.#takePending();
    if (outputs.length === 0) {
      return;
    }
    try {
      const plan = this.planner.plan(outputs);
      this.settle(outputs, this.executor.run(plan) as RuntimeTensor[]);
    } catch (error) {
      this.#poison(outputs, error as Error);
      throw error;
    }
  }

  /** Gives computed values their elements and forgets how they were made. */
  settle(values: readonly LazyValue[], results: readonly RuntimeTensor[]): void {
    values.forEach((value, i) => {
      const resident = results[i]!;
      value.producer = null;
      value.resident = resident;
      this.#pending.delete(value);
      if (value.holders > 0) {
        this.#bytes += resident.byteLength;
      } else {
        resident.dispose();
      }
    });
  }

  /**
   * Traces `fn` once per input signature and replays the compiled graph afterwards.
   *
   * Inputs and results are tensors, or arrays and plain objects of them, nested as you like; other values among the
   * inputs are part of the signature. What `fn` reads from outside is fed anew at every call: variables with their
   * current value, tensors with the one they had when traced. A variable assigned in `fn` is assigned at every call.
   * Under a gradient, `fn` is simply called.
   *
   * @throws {@link KernelError} when `fn` reads a value that depends on its inputs.
   */
  compile<Args extends TensorStructure[], Result extends TensorStructure>(
    fn: (...args: Args) => Result,
  ): (...args: Args) => Result {
    return compile(this, fn);
  }

  /** Runs `body` over the first axis of `inputs`, carrying a state; the contract of `scan` in `@mmgen/nn`. */
  scan(
    body: (carry: tf.Tensor[], inputs: tf.Tensor[]) => ScanState,
    carry: readonly tf.Tensor[],
    inputs: readonly tf.Tensor[],
  ): ScanState {
    return scan(body, carry, inputs);
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    if (!this.#data.has(dataId)) {
      return true;
    }
    const entry = this.#data.get(dataId);
    entry.refCount--;
    if (!force && entry.refCount > 0) {
      return false;
    }
    if (entry.complex !== undefined) {
      this.disposeData(entry.complex.real.dataId, true);
      this.disposeData(entry.complex.imag.dataId, true);
    }
    this.#data.delete(dataId);
    if (entry.value !== undefined) {
      this.#release(entry.value);
    }
    this.#flushIfLong();
    return true;
  }

  disposeIntermediateTensorInfo(info: tf.TensorInfo): void {
    this.disposeData(info.dataId);
  }

  override refCount(dataId: tf.DataId): number {
    return this.#data.has(dataId) ? this.#data.get(dataId).refCount : 0;
  }

  override incRef(dataId: tf.DataId): void {
    this.#data.get(dataId).refCount++;
  }

  decRef(dataId: tf.DataId): void {
    if (this.#data.has(dataId)) {
      this.#data.get(dataId).refCount--;
    }
  }

  override numDataIds(): number {
    return this.#data.numDataIds();
  }

  override memory(): { unreliable: boolean; reasons: string[]; residentBytes: number; pendingValues: number } {
    return {
      unreliable: true,
      reasons: ["Tensors not read yet take memory only once they are computed; compiled graphs keep room to run in."],
      residentBytes: this.#bytes,
      pendingValues: this.#pending.size,
    };
  }

  override timerAvailable(): boolean {
    return true;
  }

  override async time(f: () => void): Promise<tf.BackendTimingInfo> {
    // tfjs's profiler wants f called before this returns, so what was pending can be kept out only without waiting.
    if (this.executor.runtime.synchronous) {
      this.flushSync();
    }
    const start = performance.now();
    f();
    await this.flush();
    return { kernelMs: performance.now() - start };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    // tfjs's own value for 32-bit floats.
    return 1e-7;
  }

  override dispose(): void {
    if (!this.#disposed) {
      this.#disposed = true;
      this.#pending.clear();
      this.executor.cache.clear();
    }
  }

  /** Elements that exist need no node to be seen in another shape; the graph is then fed with the shape it uses. */
  #view(base: LazyValue, shape: readonly number[]): LazyValue {
    base.views ??= new Map();
    const key = shape.join();
    let view = base.views.get(key);
    if (view === undefined) {
      view = new LazyValue(base.type, [...shape]);
      view.resident = this.executor.runtime.upload(base.type, view.shape, base.resident!.host!);
      view.base = base;
      view.splat = base.splat;
      base.views.set(key, view);
    }
    return view;
  }

  #store(
    dataId: tf.DataId,
    values: tf.backend_util.BackendValues,
    shape: readonly number[],
    dtype: tf.DataType,
    refCount: number,
    copy: boolean,
  ): void {
    if (dtype === "string") {
      this.#data.set(dataId, { dtype, refCount, strings: values as Uint8Array[] });
      return;
    }
    if (dtype === "complex64") {
      const { real, imag } = tf.backend_util.splitRealAndImagArrays(values as Float32Array);
      const parts = {
        real: this.writeOwned(real, shape, "float32"),
        imag: this.writeOwned(imag, shape, "float32"),
      };
      this.#data.set(dataId, { dtype, refCount, complex: parts });
      return;
    }
    const type = elementTypeOf(dtype);
    if (type === null) {
      throw new KernelError(`The onnx backend stores float32, int32, bool, complex64 and string, not ${dtype}.`);
    }
    if (copy && type === "float32" && isLargeOnes(values as Float32Array)) {
      this.#hold({ dtype, refCount, value: this.graph.fill(type, shape, 1) }, dataId);
      return;
    }
    const value = new LazyValue(type, [...shape]);
    value.resident = this.executor.runtime.upload(type, value.shape, toHostArray(type, values, copy));
    this.#hold({ dtype, refCount, value }, dataId);
  }

  #hold(entry: Entry, dataId: tf.DataId): void {
    const value = entry.value!;
    if (value.holders++ === 0) {
      if (value.resident !== null) {
        this.#bytes += value.resident.byteLength;
      } else if (value.producer !== null) {
        this.#pending.add(value);
      }
    }
    this.#data.set(dataId, entry);
  }

  #release(value: LazyValue): void {
    if (--value.holders > 0) {
      return;
    }
    this.#pending.delete(value);
    if (value.resident !== null) {
      this.#bytes -= value.resident.byteLength;
    }
  }

  #takePending(): LazyValue[] {
    this.graph.recorded = 0;
    return [...this.#pending];
  }

  async #flushLater(): Promise<void> {
    const outputs = this.#takePending();
    if (outputs.length === 0) {
      return;
    }
    try {
      this.settle(outputs, await this.executor.run(this.planner.plan(outputs)));
    } catch (error) {
      this.#poison(outputs, error as Error);
      throw error;
    }
  }

  #poison(values: readonly LazyValue[], error: Error): void {
    for (const value of values) {
      value.failure = error;
      value.producer = null;
      this.#pending.delete(value);
    }
  }

  /** A loop that never reads would record forever: between its tidies, run what there is. */
  #flushIfLong(): void {
    if (
      this.graph.recorded >= this.#flushAfterNodes &&
      !this.tracing &&
      this.executor.runtime.synchronous &&
      tf.engine().state.scopeStack.length === 0
    ) {
      this.flushSync();
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

/**
 * Whether this is the array of ones that tfjs's gradients of sums and means multiply with: recorded as a fill it costs
 * neither an upload nor a product.
 */
function isLargeOnes(values: Float32Array): boolean {
  return values.length >= 1024 && values.every((value) => value === 1);
}

function settled(value: LazyValue): RuntimeTensor {
  if (value.failure !== null) {
    throw value.failure;
  }
  return value.resident!;
}

function processors(): number {
  const os = globalThis.process?.getBuiltinModule?.("node:os");
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}

function positive(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) {
    throw new ConfigError(`Expected ${name} to be a whole number above 0, got ${value}.`);
  }
  return value;
}
