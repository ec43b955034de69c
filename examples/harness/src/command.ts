import { constants } from "node:os";
import { AbortedError, ConfigError, MmgenError } from "@mmgen/core";
import { type CommanderError, InvalidArgumentError } from "commander";

/** Exit status of a run that bad input ended. */
const badInput = 2;

/** Signals that stop a run with its state saved: Ctrl-C, `kill` and a service manager, a closed terminal. */
const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Exit status of a run that a signal ended, as shells have it. */
const statusOf = (signal: NodeJS.Signals) => 128 + constants.signals[signal];

/** The signal that stopped this process's work; SIGINT too where the work stopped itself. */
let stoppedBy: NodeJS.Signals = "SIGINT";

/**
 * Runs a command and turns what it throws into an exit status.
 *
 * A terminal that is closed or full stops nothing. An error that this project throws on purpose is one line on stderr and status 2, and so is one of the
 * operating system (no permission, a full disk); anything else is a defect and keeps its stack.
 */
export async function runCommand(command: () => Promise<void>): Promise<void> {
  guardOutput();
  try {
    await command();
  } catch (error) {
    process.exitCode = reportError(error);
  }
}

/** Tells an error that ended a run, and gives the exit status; throws a defect. */
export function reportError(error: unknown): number {
  // By its code, as an example and the harness may each have a commander of their own.
  if (error instanceof Error && "code" in error && String(error.code).startsWith("commander.")) {
    return (error as CommanderError).exitCode === 0 ? 0 : badInput;
  }
  if (AbortedError.isInstance(error)) {
    process.stderr.write(`${error.message}\n`);
    return statusOf(stoppedBy);
  }
  // Node names the call of the operating system that failed.
  if (MmgenError.isInstance(error) || (error instanceof Error && "syscall" in error && "code" in error)) {
    process.stderr.write(`Error: ${error.message.replaceAll("\n", " ")}\n`);
    return badInput;
  }
  throw error;
}

let isGuarded = false;

/** Keeps a closed or full terminal from ending the process; results that cannot be written are an error all the same. */
function guardOutput(): void {
  if (isGuarded) {
    return;
  }
  isGuarded = true;
  process.stderr.on("error", () => {});
  process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    // A reader such as `head` takes what it wants.
    if (code !== "EPIPE") {
      process.stderr.write(`Error: standard output cannot be written: ${message}\n`);
      process.exitCode = badInput;
    }
  });
}

/** Fires at Ctrl-C, SIGTERM or SIGHUP, after which the work saves its state; at the second the process ends at once. */
export function interruptSignal(stream: NodeJS.WritableStream = process.stderr): AbortController {
  const controller = new AbortController();
  let isStopping = false;
  for (const signal of stopSignals) {
    process.on(signal, () => {
      if (isStopping) {
        process.exit(statusOf(signal));
      }
      isStopping = true;
      stoppedBy = signal;
      const how = signal === "SIGINT" ? "press Ctrl-C again" : `send ${signal} again`;
      stream.write(`\nStopping after this step; ${how} to stop at once.\n`);
      controller.abort();
    });
  }
  return controller;
}

/** Commander parsers for whole numbers of at least 0, and of at least 1. */
export const wholeNumber = wholeFrom(0);
export const positiveNumber = wholeFrom(1);

/** Throws a `ConfigError` unless a grid can show so many images, asked for by `--count`. */
export function checkDrawnCount(count: number): void {
  if (count < 1 || count > 1000) {
    throw new ConfigError(`--count: expected from 1 to 1000, got ${count}.`);
  }
}

/** A commander parser for numbers from `low` to `high`. */
export function numberBetween(low: number, high: number): (text: string) => number {
  return numberFrom((value) => value >= low && value <= high, `a number from ${low} to ${high}`);
}

function wholeFrom(least: number): (text: string) => number {
  return numberFrom((value) => Number.isSafeInteger(value) && value >= least, `a whole number of at least ${least}`);
}

function numberFrom(accepts: (value: number) => boolean, expected: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !accepts(value)) {
      throw new InvalidArgumentError(`Expected ${expected}.`);
    }
    return value;
  };
}
