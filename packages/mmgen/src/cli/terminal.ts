import { constants } from "node:os";
import { AbortedError } from "@mmgen/core";

/** Where a command line writes: results on `stdout`, everything else on `stderr`. */
export interface Terminal {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** Signals that stop a command: Ctrl-C, `kill` and a service manager, a closed terminal. */
const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A command that a signal stopped; `status` is what shells expect of it. */
export class StoppedBySignal extends AbortedError {
  readonly status: number;

  constructor(signal: NodeJS.Signals, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = statusOf(signal);
  }
}

/**
 * Does a command's work, which the first signal asks to stop by its `AbortSignal`; the second ends the process at once.
 *
 * @param options - `next`: what the message of a stopped command ends with, such as how to go on. Default: nothing.
 * @throws a {@link StoppedBySignal} where the work ends with an `AbortedError` after a signal, else what the work throws.
 */
export async function interruptible<Result>(
  { stderr }: Terminal,
  work: (signal: AbortSignal) => Promise<Result>,
  { next = () => "" }: { readonly next?: () => string } = {},
): Promise<Result> {
  const controller = new AbortController();
  let stoppedBy: NodeJS.Signals | undefined;
  const stop = (signal: NodeJS.Signals) => {
    if (stoppedBy !== undefined) {
      process.exit(statusOf(signal));
    }
    stoppedBy = signal;
    stderr.write("\nStopping; once more stops at once.\n");
    controller.abort();
  };
  for (const signal of stopSignals) {
    process.on(signal, stop);
  }
  try {
    return await work(controller.signal);
  } catch (error) {
    if (stoppedBy !== undefined && AbortedError.isInstance(error)) {
      const reached = /^Stopped[^.]*\./.exec(error.message)?.[0] ?? "Stopped.";
      throw new StoppedBySignal(stoppedBy, `${reached}${next()}`, { cause: error });
    }
    throw error;
  } finally {
    for (const signal of stopSignals) {
      process.off(signal, stop);
    }
  }
}

function statusOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
