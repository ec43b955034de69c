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
    if (isCommanderError(error)) {
      process.exitCode = error.exitCode === 0 ? 0 : badInput;
    } else if (AbortedError.isInstance(error)) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = statusOf(stoppedBy);
    } else if (MmgenError.isInstance(error) || isSystemError(error)) {
      process.stderr.write(`Error: ${error.message.replaceAll("\n", " ")}\n`);
      process.exitCode = badInput;
    } else {
      throw error;
    }
  }
}

/** By its code, as an example and the harness may each have a commander of their own. */
function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && "code" in error && String(error.code).startsWith("commander.");
}

/** Whether a call of the operating system failed, which Node names in the error. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error;
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
export function interruptSignal(): AbortController {
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
      process.stderr.write(`\nStopping after this step; ${how} to stop at once.\n`);
      controller.abort();
    });
  }
  return controller;
}

/**
 * Adds to an interruption how to go on; passes everything else through.
 *
 * @param command - What starts the example: `npm start`.
 */
export async function resumable<Result>(command: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (AbortedError.isInstance(error)) {
      const stopped = /^Stopped[^.]*\./.exec(error.message)?.[0] ?? "Stopped.";
      throw new AbortedError(`${stopped} Go on with "${command} -- --resume" (and the same --out).`, { cause: error });
    }
    throw error;
  }
}

/** A commander parser for whole numbers of at least 0. */
export function wholeNumber(text: string): number {
  return wholeNumberFrom(0, text);
}

/** A commander parser for whole numbers of at least 1. */
export function positiveNumber(text: string): number {
  return wholeNumberFrom(1, text);
}

function wholeNumberFrom(min: number, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < min) {
    throw new InvalidArgumentError(`Expected a whole number of at least ${min}.`);
  }
  return value;
}

/** Images that one grid may show. */
const maxDrawn = 1000;

/** Throws a `ConfigError` unless a grid can show so many images, asked for by `--count`. */
export function checkDrawnCount(count: number): void {
  if (count < 1 || count > maxDrawn) {
    throw new ConfigError(`--count: expected from 1 to ${maxDrawn}, got ${count}.`);
  }
}

/** A commander parser for numbers from `low` to `high`. */
export function numberBetween(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= low && value <= high)) {
      throw new InvalidArgumentError(`Expected a number from ${low} to ${high}.`);
    }
    return value;
  };
}
