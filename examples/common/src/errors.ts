import { AbortedError, MmgenError } from "@mmgen/core";
import type { CommanderError } from "commander";

/** Exit status of a run that bad input ended. */
const badInput = 2;
/** Exit status of a run that Ctrl-C ended, as shells have it: 128 + SIGINT. */
const interrupted = 130;

/**
 * Runs a command and turns what it throws into an exit status.
 *
 * An error that this project throws on purpose is one line on stderr and status 2; anything else is a defect and keeps its stack.
 */
export async function runCommand(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    if (isCommanderError(error)) {
      process.exitCode = error.exitCode === 0 ? 0 : badInput;
    } else if (AbortedError.isInstance(error)) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = interrupted;
    } else if (MmgenError.isInstance(error)) {
      process.stderr.write(`Error: ${error.message.replaceAll("\n", " ")}\n`);
      process.exitCode = badInput;
    } else {
      throw error;
    }
  }
}

/** By its code, as an example and what it shares with others may each have a commander of their own. */
function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && "code" in error && String(error.code).startsWith("commander.");
}
