import { cApiRuntime } from "../c-api/c-api-runtime.js";
import { nodeRuntime } from "../runtime/node-runtime.js";
import type { Runtime } from "../runtime/runtime.js";

/** The runtimes that come with onnxruntime-node. */
export const runtimeNames = ["binding", "c-api"] as const;
export type RuntimeName = (typeof runtimeNames)[number];

/**
 * Opens a runtime by its name.
 *
 * @param threads - Threads that an operator may use.
 * @throws `ConfigError` naming what is missing.
 */
export function openRuntime(runtime: Runtime | RuntimeName, threads: number): Runtime {
  return runtime === "binding" ? nodeRuntime() : runtime === "c-api" ? cApiRuntime(threads) : runtime;
}
