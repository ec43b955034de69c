import { AbortedError } from "@mmgen/core";

/** Throws {@link AbortedError} once the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new AbortedError("Generation was stopped by its AbortSignal.", { cause: signal.reason });
  }
}
