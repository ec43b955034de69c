import { ConfigError } from "@mmgen/core";
import type { OnnxBackendOptions } from "./options.js";
import { hasDeviceTensors } from "./runtime/execution-provider.js";
import type { SessionOptions } from "./runtime/runtime.js";

/** What sessions are made with. */
export function sessionOptions(options: OnnxBackendOptions): SessionOptions {
  return {
    intraOpNumThreads: positive("intraOpNumThreads", options.intraOpNumThreads ?? processors()),
    graphOptimizationLevel: options.graphOptimizationLevel ?? "all",
    executionProviders: options.executionProviders ?? ["cpu"],
    profilePrefix: options.profilePrefix ?? null,
  };
}

/** Whether results stay on the device of the preferred provider. */
export function keepsOnDevice({ executionProviders = ["cpu"], keepOnDevice = true }: OnnxBackendOptions): boolean {
  return keepOnDevice && hasDeviceTensors(executionProviders[0]!);
}

/** Throws {@link ConfigError} unless `value` is a whole number above 0. */
export function positive(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) {
    throw new ConfigError(`Expected ${name} to be a whole number above 0, got ${value}.`);
  }
  return value;
}

function processors(): number {
  const os = globalThis.process?.getBuiltinModule?.("node:os");
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}
