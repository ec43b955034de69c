import type { ElementType, HostArray } from "../graph/element-type.js";
import type { ExecutionProvider } from "./execution-provider.js";

/** Elements that a runtime can read without another upload. */
export interface RuntimeTensor {
  /** The elements, where the host can see them without a copy; null where they live on a device. */
  readonly host: HostArray | null;
  readonly byteLength: number;
  /** Fetches the elements from a device. */
  download(): Promise<HostArray>;
  /** As `download`, at once; tensors of synchronous runtimes have it. */
  downloadSync?(): HostArray;
  /** Frees what is on a device. */
  dispose(): void;
}

export interface SessionOptions {
  /** Threads of one operator. */
  readonly intraOpNumThreads: number;
  readonly graphOptimizationLevel: "disabled" | "basic" | "extended" | "layout" | "all";
  readonly executionProviders: readonly ExecutionProvider[];
  /** File prefix for ONNX Runtime's profile of every session, or null for none. */
  readonly profilePrefix: string | null;
}

/** A result of a session. */
export interface SessionOutput {
  readonly name: string;
  /** Whether its elements stay on the provider's device. */
  readonly onDevice: boolean;
}

/** A compiled graph. Feeds and results go by position, in the order of the names it was made with. */
export interface RuntimeSession {
  /** A plain array where the runtime is synchronous, else a promise. */
  run(feeds: readonly RuntimeTensor[]): RuntimeTensor[] | Promise<RuntimeTensor[]>;
  dispose(): void;
}

/** What executes models: onnxruntime-node, onnxruntime-web, or anything else with ONNX Runtime's abilities. */
export interface Runtime {
  readonly name: string;
  /** Whether `createSession` and `run` answer at once, which `dataSync()` needs. */
  readonly synchronous: boolean;
  upload(type: ElementType, shape: readonly number[], data: HostArray): RuntimeTensor;
  createSession(
    model: Uint8Array,
    inputs: readonly string[],
    outputs: readonly SessionOutput[],
    options: SessionOptions,
  ): RuntimeSession | Promise<RuntimeSession>;
}
