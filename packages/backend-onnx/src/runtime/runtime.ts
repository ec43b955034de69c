import type { ElementType, HostArray } from "./element-type.js";

/** What executes models: onnxruntime-node, onnxruntime-web, or anything else with the same abilities. */
export interface Runtime {
  readonly name: string;
  /** Whether `createSession` and `run` return results instead of promises, which `dataSync()` needs. */
  readonly synchronous: boolean;
  /** Whether sessions can be fed with arrays of a `SharedArrayBuffer`. Default: false. */
  readonly readsSharedMemory?: boolean;
  /** Whether sessions are captured and replayed where their options ask for it. Default: false. */
  readonly canReplay?: boolean;
  /** Wraps host elements as a tensor that sessions can be fed with. */
  upload(type: ElementType, shape: readonly number[], data: HostArray): RuntimeTensor;
  /**
   * Compiles an ONNX model.
   *
   * @param model - Bytes of the model file.
   * @param inputs - Names of the inputs, in the order of the feeds.
   * @param outputs - Outputs, in the order of the results.
   */
  createSession(
    model: Uint8Array,
    inputs: readonly string[],
    outputs: readonly SessionOutput[],
    options: SessionOptions,
  ): RuntimeSession | Promise<RuntimeSession>;
  /** Frees what the runtime keeps beside sessions and tensors; it can still be used afterwards. Default: nothing. */
  dispose?(): void;
}

/** A compiled graph. Feeds and results are matched by position, in the order of the names it was created with. */
export interface RuntimeSession {
  /** Whether it is captured and replayed, or why not. Default: undefined, where that was not tried. */
  readonly replay?: true | string | undefined;
  /** Bytes of the buffers of a replayed one, but those that are tensors still in use. Default: 0. */
  readonly replayBytes?: number;
  /** Threads that it keeps beside the calling one. Default: `intraOpNumThreads` − 1. */
  readonly threads?: number;
  /** Runs the graph: an array from a synchronous runtime, a promise from any other. */
  run(feeds: readonly RuntimeTensor[]): RuntimeTensor[] | Promise<RuntimeTensor[]>;
  dispose(): void;
}

/** Elements of a tensor in a form that a session takes as a feed without another upload. */
export interface RuntimeTensor {
  /** The elements, where the host can read them without a copy; undefined where they are on a device. */
  readonly host: HostArray | undefined;
  /** Size of the elements, bytes. */
  readonly byteLength: number;
  /** Copies the elements from a device to the host. */
  download(): Promise<HostArray>;
  /** Synchronous `download`; tensors of synchronous runtimes have it. */
  downloadSync?(): HostArray;
  /** Copies the elements to the host, where `host` has them from then on, and frees them on the device. */
  moveToHost?(): void;
  /** Frees memory on a device; a no-op for host elements. */
  dispose(): void;
}

/** Options of one session. */
export interface SessionOptions {
  /** Threads that one operator may use. */
  readonly intraOpNumThreads: number;
  readonly graphOptimizationLevel: "disabled" | "basic" | "extended" | "layout" | "all";
  readonly executionProviders: readonly ExecutionProvider[];
  /** Whether nodes that none of the providers supports may run on the cpu. Default: true. */
  readonly allowCpuNodes?: boolean;
  /** Whether a session whose runs follow each other is captured and replayed; see `canReplay`. Default: false. */
  readonly replay?: boolean;
  /** Why it is not to be captured all the same. Default: it may be. */
  readonly captureLimit?: string | undefined;
  /**
   * Whether ONNX Runtime lays out the tensors of a run in one block of memory, whose size it learns in the first run: what
   * that run took stays beside it. Default: true.
   */
  readonly memoryPattern?: boolean;
  /** Path prefix of the profile that ONNX Runtime writes for every session; undefined for none. */
  readonly profilePrefix: string | undefined;
}

/** An output of a session. */
export interface SessionOutput {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Whether its elements stay on the provider's device. */
  readonly onDevice: boolean;
}

/**
 * An execution provider of ONNX Runtime: its name (`"cpu"`, `"webgpu"`, `"cuda"`, `"coreml"`, `"dml"`, `"wasm"`), or an
 * object with the name and the provider's options.
 */
export type ExecutionProvider = string | { readonly name: string; readonly [option: string]: unknown };

/** ONNX Runtime's configuration of a session, beyond what its options have fields for. */
export function sessionConfiguration({ allowCpuNodes = true }: SessionOptions): object {
  return allowCpuNodes ? {} : { extra: { session: { disable_cpu_ep_fallback: "1" } } };
}

/** The name of an execution provider. */
export function providerName(provider: ExecutionProvider): string {
  return typeof provider === "string" ? provider : provider.name;
}

/** Elements that exist only on the host: those of constants and of empty tensors. */
export class HostTensor implements RuntimeTensor {
  constructor(readonly host: HostArray) {}

  get byteLength(): number {
    return this.host.byteLength;
  }

  async download(): Promise<HostArray> {
    return this.host;
  }

  dispose(): void {}
}
