import { cApiRuntime } from "../c-api/c-api-runtime.js";
import { openEnvironment } from "../c-api/environment.js";
import { nodeRuntime } from "../runtime/node-runtime.js";
import { type ExecutionProvider, providerName, type Runtime } from "../runtime/runtime.js";

/** The runtimes that come with onnxruntime-node. */
export const runtimeNames = ["binding", "c-api"] as const;
export type RuntimeName = (typeof runtimeNames)[number];

/**
 * The runtime of a program that names none: on the cpu the C API's where it can be had, as it is as fast or faster and
 * leaves the values of variables where they are; otherwise the binding.
 *
 * @param threads - Threads that an operator may use.
 * @param open - Makes the environment of the C API, or throws.
 */
export function defaultRuntime(
  providers: readonly ExecutionProvider[],
  threads: number,
  open: (threads: number) => unknown = openEnvironment,
): RuntimeName {
  if (providers.some((provider) => providerName(provider) !== "cpu")) {
    return "binding";
  }
  try {
    open(threads);
    return "c-api";
  } catch {
    return "binding";
  }
}

/**
 * Opens a runtime by its name.
 *
 * @param threads - Threads that an operator may use.
 * @throws `ConfigError` naming what is missing.
 */
export function openRuntime(runtime: Runtime | RuntimeName, threads: number): Runtime {
  return runtime === "binding" ? nodeRuntime() : runtime === "c-api" ? cApiRuntime(threads) : runtime;
}
