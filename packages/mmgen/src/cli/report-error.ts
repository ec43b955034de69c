import { MmgenError } from "@mmgen/core";
import { type Command, CommanderError } from "commander";
import { StoppedBySignal, type Terminal } from "./terminal.js";

/**
 * Tells in one line on standard error why a command failed.
 *
 * A defect, what this package does not throw on purpose, is told as such; its stack is shown where `MMGEN_DEBUG` is set.
 *
 * @param program - Knows the commands and their options.
 * @param args - What was typed.
 * @returns The exit status: 0 after help, 1 after an error, 128 and the signal's number after a signal.
 */
export function reportError(
  error: unknown,
  {
    args,
    program,
    terminal,
  }: { readonly args: readonly string[]; readonly program: Command; readonly terminal: Terminal },
): number {
  if (error instanceof CommanderError && error.exitCode === 0) {
    return 0;
  }
  const say = (line: string) => void terminal.stderr.write(`${line.replace(/\s*\n\s*/g, " ")}\n`);
  if (error instanceof StoppedBySignal) {
    say(error.message);
    return error.status;
  }
  if (error instanceof CommanderError) {
    say(`Error: ${usageMessage(error, program, args)}`);
  } else if (MmgenError.isInstance(error) || isOfSystem(error)) {
    say(`Error: ${(error as Error).message}`);
  } else {
    sayDefect(error, terminal);
  }
  return 1;
}

/** Tells on standard error of what this package does not throw on purpose. */
export function sayDefect(error: unknown, { stderr }: Terminal): void {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const line = `Error: ${name}: ${message} (a defect of mmgen; MMGEN_DEBUG=1 shows where)`;
  stderr.write(`${line.replace(/\s*\n\s*/g, " ")}\n${process.env.MMGEN_DEBUG ? `${stack}\n` : ""}`);
}

/** Node names the call of the operating system that failed. */
function isOfSystem(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && "code" in error;
}

/** What was wrong with the arguments, and what is known instead. */
function usageMessage({ code, message }: CommanderError, program: Command, args: readonly string[]): string {
  const wrong = message.replace(/^error: /, "").replace(/\.?\s*$/, "");
  const command = program.commands.find((each) => each.name() === args[0]);
  const of = command === undefined ? "mmgen" : `mmgen ${command.name()}`;
  if (code === "commander.unknownOption") {
    const { options } = command ?? program;
    return `${wrong}. Known: ${options.map(({ long }) => long).join(", ")}; ${of} --help explains them.`;
  }
  if (code === "commander.unknownCommand" || command === undefined) {
    return `${wrong}. Known: ${program.commands.map((each) => each.name()).join(", ")}; mmgen --help explains them.`;
  }
  return `${wrong}. ${of} --help explains it.`;
}
