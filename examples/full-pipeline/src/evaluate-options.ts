import { type BackendChoice, backendOption, numberBetween, positiveNumber, wholeNumber } from "@mmgen/example-common";
import { Command, Option } from "commander";

/** What `npm run evaluate` was asked for. */
export interface EvaluateOptions {
  readonly checkpoints?: string;
  readonly dataDir?: string;
  readonly part: "test" | "validation";
  readonly samples?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly backend: BackendChoice;
}

/** The command line of `npm run evaluate`; a wrong option prints one line and throws. */
export function parseEvaluateOptions(argv: readonly string[]): EvaluateOptions {
  const command = new Command("npm run evaluate --")
    .description("Computes every figure of a run again, from its checkpoints.")
    .option("--checkpoints <dir>", "--out of the training run (default: this example's folder)")
    .option("--data-dir <dir>", "folder with the files of MNIST or colored MNIST (default: $MMGEN_DATA_DIR)")
    .addOption(
      new Option("--part <name>", "images to evaluate on: the test part, or training images the run has not seen")
        .choices(["test", "validation"])
        .default("test"),
    )
    .option("--samples <number>", "images, captions and pairs to score (default: the run's)", positiveNumber)
    .option("--temperature <number>", "of the draws (default: the run's)", numberBetween(0, 10))
    .option("--top-p <number>", "keep the likeliest ids that reach this (default: the run's)", numberBetween(0.001, 1))
    .option("--seed <number>", "seed of the draws (default: the run's)", wholeNumber)
    .addOption(backendOption())
    .exitOverride();
  return command.parse([...argv], { from: "user" }).opts();
}
