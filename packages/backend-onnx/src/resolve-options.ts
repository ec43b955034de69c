import { ConfigError } from "@mmgen/core";
import { copyModel } from "./graph/copy-model.js";
import type { OnnxBackendOptions } from "./options.js";
import { hasDeviceTensors, providerName } from "./runtime/execution-provider.js";
import type { Runtime, RuntimeSession, SessionOptions } from "./runtime/runtime.js";

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

/**
 * Throws {@link ConfigError} where a synchronous runtime cannot start the providers asked for. Where everything is a
 * promise, the first graph tells.
 */
export function checkProviders(runtime: Runtime, options: SessionOptions): void {
  const names = options.executionProviders.map(providerName);
  if (names.length === 0) {
    throw new ConfigError('Expected at least one execution provider, got none; ["cpu"] is there everywhere.');
  }
  if (!runtime.synchronous || names.every((name) => name === "cpu")) {
    return;
  }
  const { bytes, input, output } = copyModel("float32", 1);
  try {
    const session = runtime.createSession(bytes, [input], [{ name: output, onDevice: false }], options);
    (session as RuntimeSession).dispose();
  } catch (cause) {
    throw new ConfigError(
      `The execution providers ${names.join(", ")} could not be started by ${runtime.name}: ${cause instanceof Error ? cause.message.trim() : cause} ` +
        'Install the driver and libraries that they need, or choose others; ["cpu"] is there everywhere.',
      { cause },
    );
  }
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
