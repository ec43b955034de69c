import { ConfigError } from "@mmgen/core";
import { cApiRuntime } from "../c-api/c-api-runtime.js";
import { openEnvironment } from "../c-api/environment.js";
import { nodeRuntime } from "../runtime/node-runtime.js";
import { type ExecutionProvider, providerName, type Runtime } from "../runtime/runtime.js";

/** The runtimes that come with onnxruntime-node. */
export const runtimeNames = ["binding", "c-api"] as const;
export type RuntimeName = (typeof runtimeNames)[number];

/** What the choice of a runtime depends on. */
interface RuntimeNeeds {
  readonly executionProviders: readonly ExecutionProvider[];
  readonly intraOpNumThreads: number;
  readonly replay: boolean;
}

/**
 * The runtime of a program that names none: the C API's for replay, of which opening it says where it cannot be had, and on
 * the cpu where it can be had, as it is as fast or faster and leaves the values of variables where they are; otherwise the
 * binding.
 *
 * @param open - Makes the environment of the C API, or throws.
 */
export function defaultRuntime(
  { executionProviders, intraOpNumThreads, replay }: RuntimeNeeds,
  open: (threads: number) => unknown = openEnvironment,
): RuntimeName {
  if (replay) {
    return "c-api";
  }
  if (executionProviders.some((provider) => providerName(provider) !== "cpu")) {
    return "binding";
  }
  try {
    open(intraOpNumThreads);
    return "c-api";
  } catch {
    return "binding";
  }
}

/**
 * Checks that what is asked to replay graphs can.
 *
 * @throws `ConfigError` for a runtime or an execution provider that cannot, and for results that are not to stay on the
 *   device.
 */
export function checkReplay({ executionProviders, keepOnDevice, replay, runtime }: ReplayNeeds): void {
  if (replay !== true) {
    return;
  }
  if (runtime === "binding" || (typeof runtime === "object" && runtime.canReplay !== true)) {
    const got = runtime === "binding" ? '"binding"' : runtime.name;
    throw new ConfigError(
      `replay: expected a runtime that can replay graphs, got ${got}. In Node take runtime: "c-api", which needs the ` +
        "package koffi; or leave replay out.",
    );
  }
  const provider = executionProviders && providerName(executionProviders[0]!);
  if (provider !== undefined && uncaptured.includes(provider)) {
    throw new ConfigError(
      `replay: graphs are captured on cuda and webgpu, and replayed on the cpu too; ${provider} cannot. Leave replay out.`,
    );
  }
  if (keepOnDevice === false) {
    throw new ConfigError(
      "replay: a graph is replayed on results that stay on the device, got keepOnDevice: false. Leave out one of the two.",
    );
  }
}

/** Execution providers that have no capture. */
const uncaptured = ["coreml", "dml"];

/** What replay depends on; a runtime that is not given is chosen for it. */
interface ReplayNeeds {
  readonly executionProviders?: readonly ExecutionProvider[] | undefined;
  readonly keepOnDevice?: boolean | "variables" | undefined;
  readonly replay?: boolean | undefined;
  readonly runtime?: Runtime | RuntimeName | undefined;
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
