import { ConfigError, checkOneOf } from "@mmgen/core";
import { missingProviderLibrary } from "../c-api/missing-library.js";
import { startProviders } from "../runtime/check-providers.js";
import type { ExecutionProvider, Runtime } from "../runtime/runtime.js";
import { fasterInPage } from "./faster-in-page.js";
import { openRuntime, type RuntimeName } from "./open-runtime.js";
import { executorOptions, type OnnxBackendOptions, resolveOnnxBackend } from "./options.js";

/** Where graphs can run, and `auto`. */
export const onnxDevices = ["auto", "cpu", "cuda", "webgpu"] as const;
export type OnnxDevice = (typeof onnxDevices)[number];

/** A device as {@link chooseDevice} has chosen it. */
export interface DeviceChoice {
  /** Options for `useOnnx` or `registerOnnxBackend`. */
  readonly options: OnnxBackendOptions;
  /** One line that says what runs where, and why. */
  readonly line: string;
}

/**
 * Chooses where graphs run.
 *
 * `auto` takes `cuda` where the provider starts, else the cpu; with a runtime of promises, as in a page, it takes `webgpu`
 * where a graphics card multiplies matrices faster. A driver that computes on the processor is taken only by name.
 *
 * @param options - Further options of the backend. `cuda` runs on the runtime `"c-api"` unless they name another.
 * @throws ConfigError when `device` is unknown, when `options` has execution providers, and when `cuda` is asked for and
 *   does not start, naming what is missing.
 */
export async function chooseDevice(device: OnnxDevice, options: OnnxBackendOptions = {}): Promise<DeviceChoice> {
  checkOneOf("device", device, onnxDevices);
  if (options.executionProviders !== undefined) {
    throw new ConfigError("Give either device or executionProviders: a device is one of them with what goes with it.");
  }
  if (typeof options.runtime === "object") {
    return chooseFor(options.runtime, device, options);
  }
  switch (device) {
    case "cpu":
      return onCpu(options, "asked for");
    case "webgpu":
      return withProvider(options, "webgpu", "ONNX Runtime on WebGPU, as asked for");
    case "cuda":
      return onCuda(options);
    case "auto": {
      // Nothing is loaded where the provider's libraries are not there.
      const mayStart = missingProviderLibrary() === undefined;
      return mayStart ? onCuda(options).catch((error) => onCpu(options, reasonOf(error))) : onCpu(options);
    }
  }
}

async function onCuda(options: OnnxBackendOptions): Promise<DeviceChoice> {
  const name: RuntimeName = options.runtime === "binding" ? "binding" : "c-api";
  const chosen = { ...options, runtime: name, executionProviders: ["cuda"] } as const;
  const config = resolveOnnxBackend(chosen);
  const runtime = openRuntime(name, config.intraOpNumThreads);
  try {
    await startProviders(runtime, executorOptions(config).session);
  } finally {
    runtime.dispose?.();
  }
  return { options: chosen, line: "ONNX Runtime on an NVIDIA card, through CUDA with TF32" };
}

function onCpu(options: OnnxBackendOptions, reason?: string): DeviceChoice {
  const line = reason === undefined ? "ONNX Runtime on the CPU" : `ONNX Runtime on the CPU, ${reason}`;
  return withProvider(options, "cpu", line);
}

function withProvider(options: OnnxBackendOptions, provider: ExecutionProvider, line: string): DeviceChoice {
  return { options: { ...options, executionProviders: [provider] }, line };
}

/** For a runtime that the program brings: onnxruntime-web in a page, most of the time. */
async function chooseFor(runtime: Runtime, device: OnnxDevice, options: OnnxBackendOptions): Promise<DeviceChoice> {
  const cpu = globalThis.process?.versions?.node === undefined ? "wasm" : "cpu";
  const provider = { cpu, cuda: "cuda", webgpu: "webgpu", auto: undefined }[device];
  if (provider !== undefined) {
    return withProvider(options, provider, `${runtime.name} on ${provider}, as asked for`);
  }
  const { name, reason } = await fasterInPage(runtime, cpu);
  return withProvider(options, name, `${runtime.name} on ${name}, ${reason}`);
}

function reasonOf(error: unknown): string {
  return `as cuda does not start: ${String(error instanceof Error ? error.message : error).split("\n")[0]}`;
}
