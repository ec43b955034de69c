import { Command } from "commander";
import { packageVersion } from "../folder/package-version.js";
import { addCacheCommand } from "./cache.js";
import { addEvaluateCommand } from "./evaluate.js";
import { addExportCommand } from "./export.js";
import { addGenerationCommands } from "./generation-commands.js";
import { reportError } from "./report-error.js";
import { addServeCommand } from "./serve.js";
import type { Terminal } from "./terminal.js";
import { addTrainCommand } from "./train.js";

/**
 * Runs the command line `mmgen`.
 *
 * Results go to standard output, everything else to standard error; every error is one line there.
 *
 * @param args - What was typed after the program's name.
 * @returns The exit status: 0, 1 after an error, 128 and the signal's number after a signal.
 */
export async function runCommandLine(args: readonly string[], terminal: Terminal = process): Promise<number> {
  keepOpen(terminal);
  const program = newProgram(terminal);
  try {
    await program.parseAsync(args.length === 0 ? ["--help"] : args, { from: "user" });
    return 0;
  } catch (error) {
    return reportError(error, { args, program, terminal });
  }
}

function newProgram(terminal: Terminal): Command {
  const program = new Command("mmgen")
    .description("Trains a small generative model on a folder of images with captions, and runs it.")
    .version(packageVersion())
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      // Errors are told in one line where they arrive.
      outputError: () => {},
    })
    .addHelpText("after", "\nmmgen COMMAND --help explains a command.");
  addTrainCommand(program, terminal);
  addGenerationCommands(program, terminal);
  addEvaluateCommand(program, terminal);
  addServeCommand(program, terminal);
  addExportCommand(program, terminal);
  addCacheCommand(program, terminal);
  return program;
}

/** A reader such as `head` takes what it wants, and a closed terminal nothing: no reason to end a training. */
function keepOpen({ stderr, stdout }: Terminal): void {
  for (const stream of [stdout, stderr]) {
    if (!stream.listeners("error").includes(ignore)) {
      stream.on("error", ignore);
    }
  }
}

function ignore(): void {}
