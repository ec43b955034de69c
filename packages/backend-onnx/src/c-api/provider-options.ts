import { ConfigError, describeValue, KernelError } from "@mmgen/core";
import { boolean, fields, listOf, oneOf, optional, resolveOptions, text, wholeNumber } from "@mmgen/core/options";
import { type ExecutionProvider, providerName } from "../runtime/runtime.js";

/** An execution provider as ONNX Runtime's C API takes it. */
export interface ResolvedProvider {
  /** ONNX Runtime's name of it. CUDA has functions of its own, the others share one. */
  readonly name: "CUDA" | "WebGPU" | "CoreML" | "DML";
  /** ONNX Runtime's options. */
  readonly options: readonly (readonly [key: string, value: string])[];
  /** The memory that its tensors stay in; undefined where they go to the host. */
  readonly memory: { readonly name: "Cuda" | "WebGPU_Buffer"; readonly deviceId: number } | undefined;
  /** Whether it captures what it runs, see {@link capturing}. */
  readonly captures?: true;
  /** Most bytes that an arena takes there, see `memoryLimit`. */
  readonly memoryLimit?: number | undefined;
}

const cudaSchema = fields({
  name: oneOf(["cuda"]),
  /** Which card. */
  deviceId: optional(wholeNumber({ min: 0 }), 0),
  /** Whether products and convolutions may round their factors to TF32's 10 bits, which is faster. */
  tf32: optional(boolean(), true),
  /** Most bytes that the arena on the card takes: the graphs' shared one, and that of each captured graph. */
  memoryLimit: optional(wholeNumber({ min: 1 })),
});

const bufferModes = ["disabled", "lazyRelease", "simple", "bucket"] as const;

const webgpuSchema = fields({
  name: oneOf(["webgpu"]),
  deviceId: optional(wholeNumber({ min: 0 })),
  preferredLayout: optional(oneOf(["NCHW", "NHWC"])),
  validationMode: optional(oneOf(["disabled", "wgpuOnly", "basic", "full"])),
  storageBufferCacheMode: optional(oneOf(bufferModes)),
  uniformBufferCacheMode: optional(oneOf(bufferModes)),
  queryResolveBufferCacheMode: optional(oneOf(bufferModes)),
  defaultBufferCacheMode: optional(oneOf(bufferModes)),
  enableGraphCapture: optional(boolean()),
  enableInt64: optional(boolean()),
  enableRobustness: optional(boolean()),
  forceCpuNodeNames: optional(listOf(text())),
});

const otherSchemas = {
  coreml: fields({ name: oneOf(["coreml"]) }),
  dml: fields({ name: oneOf(["dml"]), deviceId: optional(wholeNumber({ min: 0 }), 0) }),
};

/**
 * Checks execution providers, and turns their options into ONNX Runtime's.
 *
 * @returns those to append to a session's options, in order of preference; the cpu always comes last by itself.
 * @throws ConfigError for an unknown provider, and for unknown or wrong options.
 */
export function resolveProviders(providers: readonly ExecutionProvider[]): readonly ResolvedProvider[] {
  return providers.flatMap((provider) => resolveProvider(provider) ?? []);
}

/** The provider, told to capture what it runs, for fixed addresses. */
export function capturing(provider: ResolvedProvider): ResolvedProvider {
  const key = { CUDA: "enable_cuda_graph", WebGPU: "enableGraphCapture", CoreML: undefined, DML: undefined }[
    provider.name
  ];
  if (key === undefined) {
    throw new KernelError(`${provider.name} cannot be captured`);
  }
  return { ...provider, captures: true, options: [...provider.options.filter(([name]) => name !== key), [key, "1"]] };
}

function resolveProvider(provider: ExecutionProvider): ResolvedProvider | undefined {
  const given = typeof provider === "string" ? { name: provider } : provider;
  switch (providerName(provider)) {
    case "cpu":
      return undefined;
    case "cuda":
      return resolveCuda(given);
    case "webgpu":
      return resolveWebgpu(given);
    case "coreml":
      resolveOptions(otherSchemas.coreml, given as never);
      return { name: "CoreML", options: [], memory: undefined };
    case "dml": {
      const { deviceId } = resolveOptions(otherSchemas.dml, given as never);
      return { name: "DML", options: [["device_id", `${deviceId}`]], memory: undefined };
    }
    default:
      throw new ConfigError(
        `executionProviders: the runtime "c-api" has cpu, cuda, webgpu, coreml and dml, got ${describeValue(given.name)}.`,
      );
  }
}

function resolveCuda(given: object): ResolvedProvider {
  const { deviceId, memoryLimit, tf32 } = resolveOptions(cudaSchema, given as never);
  return {
    name: "CUDA",
    options: [
      ["device_id", `${deviceId}`],
      ["use_tf32", tf32 ? "1" : "0"],
      ...(memoryLimit === undefined ? [] : [["gpu_mem_limit", `${memoryLimit}`] as const]),
    ],
    memory: { name: "Cuda", deviceId },
    memoryLimit,
  };
}

function resolveWebgpu(given: object): ResolvedProvider {
  const { name: _, ...options } = resolveOptions(webgpuSchema, given as never);
  return {
    name: "WebGPU",
    options: Object.entries(options).map(([key, value]) => [key, webgpuValue(value)] as const),
    memory: { name: "WebGPU_Buffer", deviceId: 0 },
  };
}

function webgpuValue(value: string | number | boolean | readonly string[]): string {
  return typeof value === "boolean" ? (value ? "1" : "0") : Array.isArray(value) ? value.join("\n") : `${value}`;
}
