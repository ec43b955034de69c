import { AbortedError } from "@mmgen/core";

/**
 * What a person who pressed Ctrl-C is told: where the run stands and how to go on.
 *
 * @param command - What starts the example: `npm start`.
 */
export function interruption(command: string, what: string, step: number, totalSteps: number): AbortedError {
  return new AbortedError(
    `Stopped while training ${what}, after step ${step} of ${totalSteps}. Go on with "${command} -- --resume" (and the same --out).`,
  );
}

/** A signal that Ctrl-C fires; a second Ctrl-C ends the process at once. */
export function interruptSignal(): AbortController {
  const controller = new AbortController();
  process.once("SIGINT", () => {
    process.stderr.write("\nStopping after this step; press Ctrl-C again to stop at once.\n");
    controller.abort();
  });
  return controller;
}
