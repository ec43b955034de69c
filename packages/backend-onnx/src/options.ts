import type { ExecutionProvider } from "./runtime/execution-provider.js";
import type { Runtime } from "./runtime/runtime.js";

/** Options of {@link registerOnnxBackend}; all have defaults. */
export interface OnnxBackendOptions {
  /** What runs the models. Default: the native onnxruntime-node. */
  readonly runtime?: Runtime;
  /** Threads of one operator. Default: as many as there are processors. */
  readonly intraOpNumThreads?: number;
  /** How far ONNX Runtime rewrites a graph before it runs. Default: `"all"`. */
  readonly graphOptimizationLevel?: "disabled" | "basic" | "extended" | "layout" | "all";
  /**
   * ONNX Runtime's execution providers, the preferred one first; what one lacks, the next does, and the cpu at last.
   * Default: `["cpu"]`.
   */
  readonly executionProviders?: readonly ExecutionProvider[];
  /** Whether results stay on the provider's device until they are read, where it can hold them (WebGPU). Default: true. */
  readonly keepOnDevice?: boolean;
  /** Most compiled graphs kept at once. Default: 64. */
  readonly sessionCacheSize?: number;
  /** Nodes recorded without a read after which the graph is run at the next moment no `tf.tidy` is open. Default: 4000. */
  readonly flushAfterNodes?: number;
  /** Whether kernels without a native version run on the cpu backend's code. Default: true. */
  readonly fallback?: boolean;
  /** Prefix of the profile files that ONNX Runtime then writes for every session. Default: none. */
  readonly profilePrefix?: string;
  /** Priority among registered backends when none was chosen with `tf.setBackend`. Default: 2, above cpu. */
  readonly priority?: number;
}
