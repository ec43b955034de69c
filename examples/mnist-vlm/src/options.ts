import {
  addRunOptions,
  type BackendChoice,
  backendOption,
  numberBetween,
  type RunFlags,
  wholeNumber,
} from "@mmgen/example-common";
import { Command } from "commander";
import { type PresetName, presetNames } from "./presets.js";

/** What `--data` takes. */
export const dataChoices = ["auto", "mnist", "procedural"] as const;
export type DataChoice = (typeof dataChoices)[number];

/** The options of a training run, as typed. */
export interface TrainOptions extends RunFlags<PresetName, DataChoice> {
  readonly lines?: string;
}

/** Options of what works with the checkpoints of a run. */
export interface ModelOptions {
  readonly checkpoints?: string;
  readonly backend: BackendChoice;
}

export interface ClassifyOptions extends ModelOptions {
  readonly letters?: readonly string[];
}

export interface DrawOptions extends ModelOptions {
  readonly count: number;
  readonly out: string;
  readonly letters?: readonly string[];
  readonly seed: number;
  /** As the run draws where absent. */
  readonly temperature?: number;
  /** As the run draws where absent. */
  readonly topP?: number;
}

/** What each command does. */
export interface Commands {
  readonly train: (options: TrainOptions) => Promise<void>;
  readonly classify: (files: readonly string[], options: ClassifyOptions) => Promise<void>;
  readonly draw: (digit: string | undefined, options: DrawOptions) => Promise<void>;
}

/** Runs the command that the arguments name; a wrong option prints one line and throws a CommanderError. */
export async function runCommandLine(argv: readonly string[], commands: Commands): Promise<void> {
  const checkpoints = ["--checkpoints <dir>", "--out of the training run (default: this example's folder)"] as const;
  const program = new Command("npm run mnist-vlm --")
    .description("An image as eight letters, a sentence as characters, and one GPT that classifies and draws.")
    .enablePositionalOptions()
    .option("--lines <file>", "train on these lines alone, text or gz; valid.txt for train.txt lies beside it")
    .exitOverride()
    .action((options: TrainOptions) => commands.train(options));
  addRunOptions(program, { presets: presetNames, data: dataChoices, dataDir: "MNIST" });
  program
    .command("classify")
    .description("reads the digit off images (PNG, 28×28), as JSON lines on standard output")
    .argument("[files...]", "images, light ink on black")
    .option("--letters <words...>", "images that are letters already, such as ABCDEFGH")
    .option(...checkpoints)
    .addOption(backendOption())
    .action((files: string[], options: ClassifyOptions) => commands.classify(files, options));
  program
    .command("draw")
    .description("draws a digit, several times, as a PNG grid")
    .argument("[digit]", "0 to 9")
    .option("--count <number>", "images to draw, 1 to 1000", wholeNumber, 9)
    .option("--out <file>", "the grid", "drawn.png")
    .option("--letters <words...>", "instead of a digit: the images that these letters stand for")
    .option("--seed <number>", "seed of the draws", wholeNumber, 1)
    .option(
      "--temperature <number>",
      "0 takes the likeliest, 1 draws as learned (default: as in the run)",
      numberBetween(0, 10),
    )
    .option(
      "--top-p <number>",
      "keep the likeliest letters that reach this probability (default: as in the run)",
      numberBetween(0.001, 1),
    )
    .option(...checkpoints)
    .addOption(backendOption())
    .action((digit: string | undefined, options: DrawOptions) => commands.draw(digit, options));
  await program.parseAsync([...argv], { from: "user" });
}
