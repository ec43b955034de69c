import { ConfigError, checkOneOf, checkWholeNumber } from "@mmgen/core";
import { missingProviderLibrary } from "../c-api/missing-library.js";
import { startProviders } from "../runtime/check-providers.js";
import { type ExecutionProvider, providerName, type Runtime } from "../runtime/runtime.js";
import { fasterInPage } from "./faster-in-page.js";
import { checkReplay, openRuntime, type RuntimeName } from "./open-runtime.js";
import { executorOptions, type OnnxBackendOptions, resolveOnnxBackend } from "./options.js";

/** Where graphs can run, and `auto`. */
export const onnxDevices = ["auto", "cpu", "cuda", "webgpu"] as const;
export type OnnxDevice = (typeof onnxDevices)[number];

/** Options of {@link chooseDevice}: those of the backend, and which card. */
export interface ChooseDeviceOptions extends OnnxBackendOptions {
  /** Which card `cuda` takes, of those that the process sees; see `localDeviceId`. Default: 0. */
  readonly deviceId?: number | undefined;
}

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
 * @throws ConfigError when `device` is unknown, when `options` has execution providers, a card for another device than
 *   `cuda`, or a runtime that cannot replay where it is asked to, and when `cuda` is asked for and does not start, naming
 *   what is missing.
 */
export async function chooseDevice(
  device: OnnxDevice,
  { deviceId, ...options }: ChooseDeviceOptions = {},
): Promise<DeviceChoice> {
  checkOneOf("device", device, onnxDevices);
  if (options.executionProviders !== undefined) {
    throw new ConfigError("Give either device or executionProviders: a device is one of them with what goes with it.");
  }
  checkCard(device, deviceId);
  checkReplay(options);
  const choice = await choose(device, deviceId, options);
  return options.replay === true ? withReplay(choice) : choice;
}

async function choose(
  device: OnnxDevice,
  deviceId: number | undefined,
  options: OnnxBackendOptions,
): Promise<DeviceChoice> {
  if (typeof options.runtime === "object") {
    return chooseFor(options.runtime, device, deviceId, options);
  }
  switch (device) {
    case "cpu":
      return onCpu(options, "asked for");
    case "webgpu":
      return withProvider(options, "webgpu", "ONNX Runtime on WebGPU, as asked for");
    case "cuda":
      return onCuda(deviceId, options);
    case "auto": {
      // Nothing is loaded where the provider's libraries are not there.
      const mayStart = missingProviderLibrary() === undefined;
      return mayStart ? onCuda(deviceId, options).catch((error) => onCpu(options, reasonOf(error))) : onCpu(options);
    }
  }
}

async function onCuda(deviceId: number | undefined, options: OnnxBackendOptions): Promise<DeviceChoice> {
  const name: RuntimeName = options.runtime === "binding" ? "binding" : "c-api";
  const chosen = { ...options, runtime: name, executionProviders: [cudaProvider(deviceId)] } as const;
  const config = resolveOnnxBackend(chosen);
  const runtime = openRuntime(name, config.intraOpNumThreads);
  try {
    await startProviders(runtime, executorOptions(config).session);
  } finally {
    runtime.dispose?.();
  }
  const card = deviceId === undefined ? "an NVIDIA card" : `NVIDIA card ${deviceId}`;
  return { options: chosen, line: `ONNX Runtime on ${card}, through CUDA with TF32` };
}

function cudaProvider(deviceId: number | undefined): ExecutionProvider {
  return deviceId === undefined ? "cuda" : { name: "cuda", deviceId };
}

function checkCard(device: OnnxDevice, deviceId: number | undefined): void {
  if (deviceId === undefined) {
    return;
  }
  checkWholeNumber("deviceId", deviceId, { min: 0 });
  if (device !== "cuda" && device !== "auto") {
    throw new ConfigError(
      `deviceId: device ${device} has no cards to choose among, cuda has. Leave out one of the two.`,
    );
  }
}

function withReplay({ line, options }: DeviceChoice): DeviceChoice {
  const isCpu = providerName(options.executionProviders![0]!) === "cpu";
  return { options, line: `${line}; graphs are replayed${isCpu ? ", which saves nothing on the CPU" : ""}` };
}

function onCpu(options: OnnxBackendOptions, reason?: string): DeviceChoice {
  const line = reason === undefined ? "ONNX Runtime on the CPU" : `ONNX Runtime on the CPU, ${reason}`;
  return withProvider(options, "cpu", line);
}

function withProvider(options: OnnxBackendOptions, provider: ExecutionProvider, line: string): DeviceChoice {
  return { options: { ...options, executionProviders: [provider] }, line };
}

/** For a runtime that the program brings: onnxruntime-web in a page, most of the time. */
async function chooseFor(
  runtime: Runtime,
  device: OnnxDevice,
  deviceId: number | undefined,
  options: OnnxBackendOptions,
): Promise<DeviceChoice> {
  const cpu = globalThis.process?.versions?.node === undefined ? "wasm" : "cpu";
  const provider = { cpu, cuda: cudaProvider(deviceId), webgpu: "webgpu", auto: undefined }[device];
  if (provider !== undefined) {
    return withProvider(options, provider, `${runtime.name} on ${providerName(provider)}, as asked for`);
  }
  const { name, reason } = await fasterInPage(runtime, cpu);
  return withProvider(options, name, `${runtime.name} on ${name}, ${reason}`);
}

function reasonOf(error: unknown): string {
  return `as cuda does not start: ${String(error instanceof Error ? error.message : error).split("\n")[0]}`;
}
