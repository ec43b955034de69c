import * as tf from "@tensorflow/tfjs-core";
import { Executor } from "../graph/executor.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { Planner } from "../graph/plan.js";
import { graphBuilderFor } from "../graph/webgpu-limits.js";
import { findBlockSize } from "../runtime/block-size.js";
import { checkProviders } from "../runtime/check-providers.js";
import type { RuntimeTensor } from "../runtime/runtime.js";
import type { ReplayMemory, SessionCacheInfo } from "../runtime/session-cache.js";
import { Flusher } from "../tensors/flusher.js";
import type { RecordingBackend } from "../tensors/recording-backend.js";
import { TensorReader } from "../tensors/tensor-reader.js";
import { type ComplexParts, type StoreMemory, TensorStore } from "../tensors/tensor-store.js";
import { type CompileOptions, compile } from "../trace/compile.js";
import { type ScanBody, type ScanState, scan } from "../trace/scan.js";
import type { TensorStructure } from "../trace/structure.js";
import { Fallback } from "./fallback.js";
import { once } from "./once.js";
import { openRuntime } from "./open-runtime.js";
import { executorOptions, type OnnxBackendOptions, resolveOnnxBackend } from "./options.js";

/**
 * The TensorFlow.js backend that records kernels and computes them when a tensor is read.
 *
 * Get the active one with `tf.backend() as OnnxBackend`. Internal members may change with any version.
 */
export class OnnxBackend extends tf.KernelBackend implements RecordingBackend {
  /** @internal */ readonly graph: GraphBuilder;
  /** @internal */ readonly planner = new Planner();
  /** @internal */ readonly executor: Executor;
  /** Runs kernels without an ONNX version; undefined if it is off. */
  readonly fallback: Fallback | undefined;
  /** Whether {@link OnnxBackend.scan} runs a loop; without one it records every step. */
  readonly runsLoops: boolean;
  /** Whether feeds travel to a device: compiled functions had better draw masks and unpack bytes themselves. */
  readonly feedsTravel: boolean;
  /** Whether tensors of equal shape had better be computed as one than each by itself. */
  readonly groupsEqualShapes: boolean;
  /** Whether compiled functions read arrays of memory that threads share. */
  readonly readsSharedMemory: boolean;
  readonly #store: TensorStore;
  /** @internal */ readonly flusher: Flusher;
  readonly #reader: TensorReader;
  readonly #flushAfterNodes: number;
  #disposed = false;

  /** @throws ConfigError for wrong options, and when the runtime or its execution providers cannot start. */
  constructor(options: OnnxBackendOptions = {}) {
    super();
    const config = resolveOnnxBackend(options);
    const runtime = openRuntime(config.runtime, config.intraOpNumThreads);
    checkProviders(runtime, executorOptions(config).session);
    this.executor = new Executor(runtime, executorOptions(config));
    this.graph = graphBuilderFor(config.executionProviders, {
      replay: config.replay,
      probeBlockSize: once(() => findBlockSize(runtime, executorOptions(config).session)),
    });
    this.runsLoops = this.graph.hasLoops;
    this.feedsTravel = !this.graph.runsOnCpu;
    this.groupsEqualShapes = this.graph.groupsEqualShapes;
    this.readsSharedMemory = runtime.readsSharedMemory === true;
    const { graph, planner, executor } = this;
    this.#store = new TensorStore(this, graph, runtime);
    this.flusher = new Flusher({ store: this.#store, graph, planner, executor });
    this.#reader = new TensorReader(this.#store, this.flusher, runtime);
    this.#flushAfterNodes = config.flushAfterNodes;
    this.fallback = config.fallback ? new Fallback(this) : undefined;
  }

  /** Statistics of the cache of compiled graphs. */
  sessions(): SessionCacheInfo {
    return this.executor.cache.info();
  }

  /** The recorded value of a tensor, in the tensor's shape. @internal */
  value(info: tf.TensorInfo): LazyValue {
    return this.#store.value(info);
  }

  /** The value that a tensor's data id holds, in the shape in which it was recorded. @internal */
  heldValue(info: tf.TensorInfo): LazyValue {
    return this.#store.entry(info.dataId).value!;
  }

  /** The elements of a tensor in its shape, computed now if necessary. For synchronous runtimes. @internal */
  resident(info: tf.TensorInfo): RuntimeTensor {
    return this.#reader.resident(info);
  }

  /** Keeps a value's elements as a tensor would, until `release`. @internal */
  hold(value: LazyValue): void {
    this.#store.hold(value);
  }

  /** Ends one `hold` of a value. @internal */
  release(value: LazyValue): void {
    this.#store.release(value);
  }

  /** Creates a tensor for a value; it belongs to the caller or to the open `tf.tidy`. @internal */
  tensor(value: LazyValue): tf.Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.adopt(value), this);
  }

  /** Gives a tensor another value of its shape, unless others have its data id. @internal */
  replace(info: tf.TensorInfo, value: LazyValue): boolean {
    return this.#store.replace(info.dataId, value);
  }

  /** Creates a data id for a value. @internal */
  adopt(value: LazyValue): tf.TensorInfo {
    return this.#store.adopt(value);
  }

  /** The same data id under another shape: the result of a reshape or an identity. @internal */
  share(info: tf.TensorInfo, shape: readonly number[] = info.shape): tf.TensorInfo {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape: [...shape], dtype: info.dtype };
  }

  /** Creates a complex tensor of two float32 tensors, which it borrows. @internal */
  joinComplex(real: tf.TensorInfo, imag: tf.TensorInfo): tf.TensorInfo {
    return this.#store.adoptComplex(real, imag);
  }

  /** The real and the imaginary part of a complex tensor, borrowed. @internal */
  complexParts(info: tf.TensorInfo): ComplexParts {
    return this.#store.entry(info.dataId).complex!;
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    const dataId = {};
    this.#store.put(dataId, { values, shape, dtype }, 1, true);
    return dataId;
  }

  /** Stores an array without copying it; the caller gives it up. */
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

  /** Whether a function is being traced: reading a value that depends on its inputs is then an error. @internal */
  get tracing(): boolean {
    return this.#reader.tracing;
  }

  set tracing(tracing: boolean) {
    this.#reader.tracing = tracing;
  }

  /** Whether functions of {@link OnnxBackend.compile} have run when they return. */
  get computesAtOnce(): boolean {
    return this.executor.runtime.synchronous;
  }

  /** Computes every live tensor. Reads do this by themselves. */
  flush(): Promise<void> {
    return this.flusher.flush();
  }

  /** Synchronous {@link flush}; throws a KernelError when the runtime is asynchronous. */
  flushSync(): void {
    this.flusher.flushSync();
  }

  /**
   * Compiles a function: traces `fn` once for each input signature and replays the compiled graph afterwards.
   *
   * Inputs and results are tensors, or arrays and plain objects of them, nested to any depth; other values among the
   * inputs are part of the signature. At every call, variables that `fn` reads from outside have their current value,
   * tensors the one they had when it was traced; tensors in `options.constants` are compiled in. A variable assigned in `fn` is assigned at every call. Under a gradient,
   * `fn` is called directly. The results belong to the caller.
   *
   * @throws KernelError when `fn` reads a value that depends on its inputs.
   */
  compile<Args extends TensorStructure[], Result extends TensorStructure>(
    // biome-ignore lint/suspicious/noExplicitAny: constants of any rank follow the inputs.
    fn: (...args: [...Args, ...any[]]) => Result,
    options?: CompileOptions,
  ): (...args: Args) => Result {
    return compile(this, fn, options);
  }

  /** Runs `body` over the first axis of `inputs` with a carried state; has the contract of `scan` in `@mmgen/nn`. */
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
      // A part may still be held as the result of tf.real or tf.imag.
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

  override memory(): StoreMemory & ReplayMemory & { unreliable: boolean; reasons: string[] } {
    const reasons = ["Tensors take memory only once they are computed; compiled graphs keep memory to run in."];
    return { unreliable: true, reasons, ...this.executor.cache.memory(), ...this.#store.memory() };
  }

  override timerAvailable(): boolean {
    return true;
  }

  override async time(f: () => void): Promise<tf.BackendTimingInfo> {
    // tfjs's profiler needs f to be called before this returns, so earlier work is left out only if that takes no await.
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
      this.#store.clear(this.executor.sharesHostMemory);
      this.executor.cache.clear();
      this.executor.runtime.dispose?.();
    }
  }

  /** Runs the recorded graph of a loop that never reads, so that it does not grow forever. */
  #flushIfLong(): void {
    if (
      this.graph.recorded >= this.#flushAfterNodes &&
      !this.tracing &&
      this.executor.runtime.synchronous &&
      tf.engine().state.scopeStack.length === 0
    ) {
      this.flusher.settle();
    }
  }
}
