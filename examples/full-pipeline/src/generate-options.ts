import { ConfigError } from "@mmgen/core";
import { type BackendChoice, backendOption, numberBetween, wholeNumber } from "@mmgen/example-common";
import { Command } from "commander";

/** Images that one grid may show. */
const mostDrawn = 1000;

/** What `npm run generate` was asked for: exactly one of the first three. */
export interface GenerateOptions {
  readonly text?: string;
  readonly captions?: string;
  readonly images?: readonly string[];
  readonly count: number;
  readonly out: string;
  readonly outDir?: string;
  readonly checkpoints?: string;
  readonly seed: number;
  /** Absent: the run's. */
  readonly temperature?: number;
  /** Absent: the run's. */
  readonly topP?: number;
  readonly greedy: boolean;
  readonly backend: BackendChoice;
}

/** The command line of `npm run generate`; a wrong option prints one line and throws. */
export function parseGenerateOptions(argv: readonly string[]): GenerateOptions {
  const command = new Command("npm run generate --")
    .description("Draws what captions say, or captions images, with the models that npm start trained.")
    .option("--text <caption>", 'draw this: "dark green eight on bright cyan"')
    .option("--captions <file>", "draw each line of the file, into --out-dir")
    .option("--images <file...>", "caption these images (PNG, 28×28), as JSON lines on standard output")
    .option("--count <number>", "images to draw for --text", wholeNumber, 9)
    .option("--out <file>", "PNG grid to write for --text", "generated.png")
    .option("--out-dir <dir>", "folder for --captions: 0000.png … and index.json")
    .option("--checkpoints <dir>", "--out of the training run (default: this example's folder)")
    .option("--seed <number>", "seed of the draws", wholeNumber, 1)
    .option(
      "--temperature <number>",
      "0 takes the likeliest, 1 draws as learned (default: the run's)",
      numberBetween(0, 10),
    )
    .option(
      "--top-p <number>",
      "keep the likeliest ids that reach this probability (default: the run's)",
      numberBetween(0.001, 1),
    )
    .option("--greedy", "the same as --temperature 0", false)
    .addOption(backendOption())
    .exitOverride();
  const options: GenerateOptions = command.parse([...argv], { from: "user" }).opts();
  const tasks = [options.text, options.captions, options.images].filter((task) => task !== undefined);
  if (tasks.length !== 1) {
    throw new ConfigError("Give one of --text, --captions or --images; --help tells more.");
  }
  if (options.captions !== undefined && options.outDir === undefined) {
    throw new ConfigError("--captions needs --out-dir, the folder for its images.");
  }
  if (options.count < 1 || options.count > mostDrawn) {
    throw new ConfigError(`--count: expected from 1 to ${mostDrawn}, got ${options.count}.`);
  }
  return options;
}
