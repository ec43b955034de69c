import {
  boolean,
  type ConfigOf,
  fields,
  listOf,
  number,
  oneOf,
  optional,
  resolveOptions,
  text,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import type { ExecutorOptions } from "../graph/executor.js";
import { type ExecutionProvider, providerName, type Runtime } from "../runtime/runtime.js";
import { checkReplay, defaultRuntime, type RuntimeName, runtimeNames } from "./open-runtime.js";

/** Options of `registerOnnxBackend`; all have defaults. */
export interface OnnxBackendOptions {
  /**
   * What runs the models: onnxruntime-node's `"binding"`, `"c-api"`, which calls the same library through the package
   * koffi, or another runtime, such as `ortRuntime(ort)`. Default: `"c-api"` on the cpu where koffi is installed, and
   * for `replay`; otherwise `"binding"`.
   */
  readonly runtime?: Runtime | RuntimeName;
  /** Threads that one operator may use. Default: the number of processors. */
  readonly intraOpNumThreads?: number;
  /** How much ONNX Runtime optimizes a graph before it runs. Default: `"all"`. */
  readonly graphOptimizationLevel?: "disabled" | "basic" | "extended" | "layout" | "all";
  /**
   * ONNX Runtime's execution providers, in order of preference; nodes that none of them supports run on the cpu.
   * Default: `["cpu"]`.
   */
  readonly executionProviders?: readonly ExecutionProvider[];
  /**
   * Whether nodes that none of the execution providers supports may run on the cpu, with copies around them. With false a
   * graph that has such a node is refused: to see that a device computes all of it. Default: true.
   */
  readonly allowCpuNodes?: boolean;
  /**
   * Whether results stay in the provider's memory until they are read, or `"variables"`: those alone that variables take.
   * Both runtimes can with webgpu, `"c-api"` with any provider. Default: true where that memory is a device's, with webgpu
   * and, on `"c-api"`, with cuda; `"variables"` for `"c-api"` on the cpu; otherwise false.
   */
  readonly keepOnDevice?: boolean | "variables";
  /**
   * Whether graphs whose outputs are inputs of their next run, as a training step's are, are captured and replayed on the
   * device; `sessions()` says which, and why others are not. The runtime `"c-api"` can, which it asks for where none is
   * named, and in a page `ortRuntime(ort)` with webgpu; one that cannot is refused. Default: false.
   */
  readonly replay?: boolean;
  /** Maximum number of compiled graphs in the cache. Default: 64. */
  readonly sessionCacheSize?: number;
  /**
   * Number of nodes recorded without a read after which the graph is run, as soon as no `tf.tidy` is open.
   * Default: 10000.
   */
  readonly flushAfterNodes?: number;
  /** Whether kernels without an ONNX version run on the cpu backend's code. Default: true. */
  readonly fallback?: boolean;
  /** Path prefix of the profiles that ONNX Runtime writes for every session. Default: none. */
  readonly profilePrefix?: string;
  /** Priority among registered backends if none was chosen with `tf.setBackend`. Default: 2, above cpu. */
  readonly priority?: number;
}

const schema = fields({
  runtime: optional(
    value<Runtime | RuntimeName>(
      '"binding", "c-api" or a runtime, such as ortRuntime(ort)',
      (runtime) => runtimeNames.includes(runtime as never) || hasMembers(runtime, ["upload", "createSession"]),
    ),
  ),
  intraOpNumThreads: optional(wholeNumber({ min: 1 }), processorCount),
  graphOptimizationLevel: optional(oneOf(["disabled", "basic", "extended", "layout", "all"]), "all"),
  executionProviders: optional(
    listOf(
      value<ExecutionProvider>(
        'the name of an execution provider, or an object { name: "webgpu", ... }',
        (provider) => typeof provider === "string" || hasMembers(provider, ["name"]),
      ),
      { minLength: 1 },
    ),
    ["cpu"],
  ),
  allowCpuNodes: optional(boolean(), true),
  keepOnDevice: optional(
    value<boolean | "variables">('true, false or "variables"', (kept) =>
      [true, false, "variables"].includes(kept as never),
    ),
  ),
  replay: optional(boolean(), false),
  sessionCacheSize: optional(wholeNumber({ min: 1 }), 64),
  flushAfterNodes: optional(wholeNumber({ min: 1 }), 10_000),
  fallback: optional(boolean(), true),
  profilePrefix: optional(text()),
  priority: optional(number(), 2),
});

/** {@link OnnxBackendOptions} with every default filled in. */
export interface OnnxBackendConfig extends ConfigOf<typeof schema> {
  readonly runtime: Runtime | RuntimeName;
}

/**
 * Checks options and fills in defaults.
 *
 * @throws `ConfigError` for an unknown field, a value of another type or out of range, and a runtime that cannot replay
 *   where it is asked to.
 */
export function resolveOnnxBackend(options: OnnxBackendOptions): OnnxBackendConfig {
  const config = resolveOptions(schema, options);
  checkReplay(config);
  return { ...config, runtime: config.runtime ?? defaultRuntime(config) };
}

/** The options of the executor. */
export function executorOptions(config: OnnxBackendConfig): ExecutorOptions {
  const { allowCpuNodes, intraOpNumThreads, graphOptimizationLevel, executionProviders, profilePrefix, replay } =
    config;
  return {
    session: {
      ...{ allowCpuNodes, intraOpNumThreads, graphOptimizationLevel, executionProviders },
      ...{ profilePrefix, replay },
    },
    cacheSize: config.sessionCacheSize,
    keepOnDevice: keepsOnDevice(config),
  };
}

function keepsOnDevice({ executionProviders, keepOnDevice, runtime }: OnnxBackendConfig): boolean | "variables" {
  const name = providerName(executionProviders[0]!);
  const can = runtime === "c-api" || name === "webgpu";
  return can && (keepOnDevice ?? (name === "cpu" ? "variables" : name === "webgpu" || name === "cuda"));
}

function hasMembers(candidate: unknown, names: readonly string[]): boolean {
  return typeof candidate === "object" && candidate !== null && names.every((name) => name in candidate);
}

function processorCount(): number {
  const os = globalThis.process?.getBuiltinModule?.("node:os");
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}
