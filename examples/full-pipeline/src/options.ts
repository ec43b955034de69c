import { type BackendChoice, backendChoices, wholeNumber } from "@mmgen/example-common";
import { Command, Option } from "commander";
import { type PresetName, presetNames } from "./presets.js";

/** What `--data` takes. */
export const dataChoices = ["auto", "mnist", "procedural", "course"] as const;
export type DataChoice = (typeof dataChoices)[number];

/** The options of `npm start`, as typed. */
export interface StartOptions {
  readonly preset?: PresetName;
  readonly config?: string;
  readonly data?: DataChoice;
  readonly dataDir?: string;
  readonly backend: BackendChoice;
  readonly seed?: number;
  readonly out?: string;
  readonly resume: boolean;
  readonly stopAfter?: number;
}

/** The command line of `npm start`; a wrong option prints one line and throws a CommanderError. */
export function parseStartOptions(argv: readonly string[]): StartOptions {
  const command = new Command("npm start --")
    .description("Trains an image tokenizer and a transformer on captioned digits, then draws, captions and invents.")
    .addOption(new Option("--preset <name>", "sizes and schedule (default: quick)").choices([...presetNames]))
    .option("--config <file>", "JSON file that overrides fields of the preset")
    .addOption(new Option("--data <source>", "where the digits come from (default: auto)").choices([...dataChoices]))
    .option("--data-dir <dir>", "folder with MNIST or the course files (default: $MMGEN_DATA_DIR)")
    .addOption(new Option("--backend <name>", "what computes").choices([...backendChoices]).default("auto"))
    .option("--seed <number>", "seed of every random choice (default: 1)", wholeNumber)
    .option("--out <dir>", "folder for results/ and checkpoints/ (default: this example's)")
    .option("--resume", "go on where an interrupted run stopped, with its settings", false)
    .option(
      "--stop-after <steps>",
      "stop as Ctrl-C would after so many training steps, and print the estimate",
      wholeNumber,
    )
    .exitOverride();
  return command.parse([...argv], { from: "user" }).opts();
}
