import * as tf from "@tensorflow/tfjs-core";
import { Executor } from "./executor.js";
import { Fallback } from "./fallback.js";
import { Flusher } from "./flusher.js";
import { GraphBuilder } from "./graph/graph-builder.js";
import type { LazyValue } from "./graph/lazy-value.js";
import { Planner } from "./graph/plan.js";
import type { OnnxBackendOptions } from "./options.js";
import { keepsOnDevice, positive, sessionOptions } from "./resolve-options.js";
import { checkProviders } from "./runtime/check-providers.js";
import { nodeRuntime } from "./runtime/node-runtime.js";
import type { RuntimeTensor } from "./runtime/runtime.js";
import { mostOutputs } from "./runtime/webgpu-limits.js";
import type { SessionCacheInfo } from "./session-cache.js";
import { TensorReader } from "./tensor-reader.js";
import { type ComplexParts, TensorStore } from "./tensor-store.js";
import { compile } from "./trace/compile.js";
import { type ScanBody, type ScanState, scan } from "./trace/scan.js";
import type { TensorStructure } from "./trace/structure.js";

/**
 * The TensorFlow.js backend that records instead of computing.
 *
 * Reach the active one with `tf.backend() as OnnxBackend`.
 */
export class OnnxBackend extends tf.KernelBackend {
  readonly graph: GraphBuilder;
  readonly planner = new Planner();
  readonly executor: Executor;
  readonly fallback: Fallback | null;
  readonly #store: TensorStore;
  readonly #flusher: Flusher;
  readonly #reader: TensorReader;
  readonly #flushAfterNodes: number;
  #disposed = false;

  constructor(options: OnnxBackendOptions = {}) {
    super();
    const cacheSize = positive("sessionCacheSize", options.sessionCacheSize ?? 64);
    const [runtime, resolved] = [options.runtime ?? nodeRuntime(), sessionOptions(options)];
    checkProviders(runtime, resolved);
    this.graph = new GraphBuilder(mostOutputs(resolved.executionProviders));
    this.executor = new Executor(runtime, resolved, cacheSize, keepsOnDevice(options));
    this.#store = new TensorStore(this, this.graph, this.executor.runtime);
    this.#flusher = new Flusher(this.#store, this.graph, this.planner, this.executor);
    this.#reader = new TensorReader(this.#store, this.#flusher, this.executor.runtime);
    this.#flushAfterNodes = positive("flushAfterNodes", options.flushAfterNodes ?? 4000);
    this.fallback = (options.fallback ?? true) ? new Fallback(this) : null;
  }

  /** The compiled graphs held, and how often they were found. */
  sessions(): SessionCacheInfo {
    return this.executor.cache.info();
  }

  /** The recorded value of a tensor, in the tensor's shape. */
  value(info: tf.TensorInfo): LazyValue {
    return this.#store.value(info);
  }

  /** The value a tensor's data id holds, in whatever shape it was made. */
  heldValue(info: tf.TensorInfo): LazyValue {
    return this.#store.entry(info.dataId).value!;
  }

  /** The elements of a tensor in its shape, computed now if need be. For synchronous runtimes. */
  resident(info: tf.TensorInfo): RuntimeTensor {
    return this.#reader.resident(info);
  }

  /** Keeps a value's elements as a tensor would, until {@link OnnxBackend.letGo}. */
  hold(value: LazyValue): void {
    this.#store.hold(value);
  }

  letGo(value: LazyValue): void {
    this.#store.release(value);
  }

  /** A tensor of its own for a value; the caller's, or the open tidy's. */
  tensor(value: LazyValue): tf.Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.adopt(value), this);
  }

  /** Gives a value a data id of its own. */
  adopt(value: LazyValue): tf.TensorInfo {
    return this.#store.adopt(value);
  }

  /** The same data under another shape or none: what a reshape and an identity are. */
  share(info: tf.TensorInfo, shape: readonly number[] = info.shape): tf.TensorInfo {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape: [...shape], dtype: info.dtype };
  }

  /** Joins two float tensors, which stay their owner's, to a complex one. */
  joinComplex(real: tf.TensorInfo, imag: tf.TensorInfo): tf.TensorInfo {
    return this.#store.adoptComplex(real, imag);
  }

  /** The two parts of a complex tensor, borrowed. */
  complexParts(info: tf.TensorInfo): ComplexParts {
    return this.#store.entry(info.dataId).complex!;
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    const dataId = {};
    this.#store.put(dataId, { values, shape, dtype }, 1, true);
    return dataId;
  }

  /** As `write`, for arrays that nobody else holds: no copy is made. */
  writeOwned(values: tf.backend_util.BackendValues, shape: readonly number[], dtype: tf.DataType): tf.TensorInfo {
    const dataId = {};
    this.#store.put(dataId, { values, shape, dtype }, 1, false);
    return { dataId, shape: [...shape], dtype };
  }

  override move(
    dataId: tf.DataId,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    this.#store.put(dataId, { values, shape, dtype }, refCount, true);
  }

  override read(dataId: tf.DataId): Promise<tf.backend_util.BackendValues> {
    return this.#reader.read(dataId);
  }

  override readSync(dataId: tf.DataId): tf.backend_util.BackendValues {
    return this.#reader.readSync(dataId);
  }

  /** Whether a function is being traced: reading what depends on its inputs is then an error. */
  get tracing(): boolean {
    return this.#reader.tracing;
  }

  set tracing(tracing: boolean) {
    this.#reader.tracing = tracing;
  }

  /** Computes every live tensor. Returns when they have elements; reads do this by themselves. */
  flush(): Promise<void> {
    return this.#flusher.flush();
  }

  /**
   * As {@link flush}, at once.
   *
   * @throws a `KernelError` when the runtime only has promises.
   */
  flushSync(): void {
    this.#flusher.flushSync();
  }

  /**
   * Traces `fn` once per input signature and replays the compiled graph afterwards.
   *
   * Inputs and results are tensors, or arrays and plain objects of them, nested as you like; other values among the
   * inputs are part of the signature. What `fn` reads from outside is fed anew at every call: variables with their
   * current value, tensors with the one they had when traced. A variable assigned in `fn` is assigned at every call.
   * Under a gradient, `fn` is simply called.
   *
   * @throws a `KernelError` when `fn` reads a value that depends on its inputs.
   */
  compile<Args extends TensorStructure[], Result extends TensorStructure>(
    fn: (...args: Args) => Result,
  ): (...args: Args) => Result {
    return compile(this, fn);
  }

  /** Runs `body` over the first axis of `inputs`, carrying a state; the contract of `scan` in `@mmgen/nn`. */
  scan(body: ScanBody, carry: readonly tf.Tensor[], inputs: readonly tf.Tensor[]): ScanState {
    return scan(this, body, carry, inputs);
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    if (!this.#store.has(dataId)) {
      return true;
    }
    const entry = this.#store.entry(dataId);
    entry.refCount--;
    if (!force && entry.refCount > 0) {
      return false;
    }
    if (entry.complex !== undefined) {
      // A part may live on as the result of tf.real or tf.imag.
      this.disposeData(entry.complex.real.dataId);
      this.disposeData(entry.complex.imag.dataId);
    }
    this.#store.delete(dataId);
    this.#flushIfLong();
    return true;
  }

  disposeIntermediateTensorInfo(info: tf.TensorInfo): void {
    this.disposeData(info.dataId);
  }

  override refCount(dataId: tf.DataId): number {
    return this.#store.has(dataId) ? this.#store.entry(dataId).refCount : 0;
  }

  override incRef(dataId: tf.DataId): void {
    this.#store.entry(dataId).refCount++;
  }

  decRef(dataId: tf.DataId): void {
    if (this.#store.has(dataId)) {
      this.#store.entry(dataId).refCount--;
    }
  }

  override numDataIds(): number {
    return this.#store.size;
  }

  override memory(): { unreliable: boolean; reasons: string[]; residentBytes: number; pendingValues: number } {
    return {
      unreliable: true,
      reasons: ["Tensors not read yet take memory only once they are computed; compiled graphs keep room to run in."],
      residentBytes: this.#store.bytes,
      pendingValues: this.#store.pending.size,
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
      this.#store.clear();
      this.executor.cache.clear();
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
}
