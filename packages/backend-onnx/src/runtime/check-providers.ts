import { ConfigError } from "@mmgen/core";
import { copyModel } from "./copy-model.js";
import { providerName, type Runtime, type RuntimeSession, type SessionOptions } from "./runtime.js";

/**
 * Checks that a runtime can start its execution providers. Asynchronous runtimes are not checked: their first graph
 * fails instead.
 *
 * @throws {@link ConfigError} with ONNX Runtime's reason.
 */
export function checkProviders(runtime: Runtime, options: SessionOptions): void {
  const names = options.executionProviders.map(providerName);
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
        'Install the driver and libraries that they need, or choose others; ["cpu"] works everywhere.',
      { cause },
    );
  }
}
