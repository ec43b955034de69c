import { ConfigError } from "@mmgen/core";
import { copyModel } from "./copy-model.js";
import { providerName, type Runtime, type RuntimeSession, type SessionOptions } from "./runtime.js";

/**
 * Checks that a runtime can start its execution providers. Asynchronous runtimes are not checked: their first graph
 * fails instead, or {@link startProviders}.
 *
 * @throws {@link ConfigError} with ONNX Runtime's reason.
 */
export function checkProviders(runtime: Runtime, options: SessionOptions): void {
  if (!runtime.synchronous || options.executionProviders.every((provider) => providerName(provider) === "cpu")) {
    return;
  }
  try {
    (tinySession(runtime, options) as RuntimeSession).dispose();
  } catch (cause) {
    throw cannotStart(runtime, options, cause);
  }
}

/**
 * Starts a runtime: a synchronous or an asynchronous one, whatever its execution providers.
 *
 * @throws {@link ConfigError} with ONNX Runtime's reason.
 */
export async function startProviders(runtime: Runtime, options: SessionOptions): Promise<void> {
  try {
    (await tinySession(runtime, options)).dispose();
  } catch (cause) {
    throw cannotStart(runtime, options, cause);
  }
}

function tinySession(runtime: Runtime, options: SessionOptions): RuntimeSession | Promise<RuntimeSession> {
  const { bytes, input, output } = copyModel("float32", 1);
  const outputs = [{ name: output, type: "float32", shape: [1], onDevice: false }] as const;
  return runtime.createSession(bytes, [input], outputs, { ...options, intraOpNumThreads: 1, profilePrefix: undefined });
}

function cannotStart(runtime: Runtime, { executionProviders }: SessionOptions, cause: unknown): ConfigError {
  const names = executionProviders.map(providerName).join(", ");
  // Where install scripts are off, that of onnxruntime-node has downloaded nothing.
  const libraries = names.includes("cuda")
    ? " (those of cuda: npm rebuild onnxruntime-node --ignore-scripts=false, with npm 12 --dangerously-allow-all-scripts " +
      "too, which downloads them from outside npm)"
    : "";
  const reason = (cause instanceof Error ? cause.message : String(cause)).trim().replace(/\.?$/, ".");
  return new ConfigError(
    `The execution providers ${names} could not be started by ${runtime.name}: ${reason} ` +
      `Install the driver and libraries that they need${libraries}, or choose others; ["cpu"] works everywhere in Node, ["wasm"] in browsers.`,
    { cause },
  );
}
