import { ConfigError } from "@mmgen/core";
import { copyModel } from "../graph/copy-model.js";
import { providerName } from "./execution-provider.js";
import type { Runtime, RuntimeSession, SessionOptions } from "./runtime.js";

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
