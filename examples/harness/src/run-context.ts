import { type Command, Option } from "commander";
import { interruptSignal, numberBetween, positiveNumber, wholeNumber } from "./command.js";
import { ProgressReporter, type StepObserver, stopAfter } from "./progress-reporter.js";
import { fromCaller, type RunFolder } from "./run-folder.js";

/** The options that every training run has, as typed. */
export interface RunFlags<Preset extends string = string, Data extends string = string> {
  readonly preset?: Preset;
  readonly config?: string;
  readonly data?: Data;
  readonly dataDir?: string;
  readonly backend: string;
  readonly seed?: number;
  readonly out?: string;
  readonly resume: boolean;
  readonly force?: boolean;
  readonly stopAfter?: number;
}

/** What a run works with, from its first line to its last. */
export interface RunContext<Settings> {
  readonly settings: Settings;
  readonly folder: RunFolder;
  readonly dataDir: string | undefined;
  /** Whether to go on from the checkpoints in the folder. */
  readonly resume: boolean;
  /** Whether to remove an earlier run's files, which are refused otherwise. */
  readonly force: boolean;
  /** One line that says what computes. */
  readonly backend: string;
  readonly progress: ProgressReporter;
  /** Notified of every training of models, beside the progress bar and the log. */
  readonly observers: readonly StepObserver[];
  readonly signal: AbortSignal;
}

/** The values that an example's options take. */
export interface RunChoices {
  readonly presets: readonly string[];
  readonly data: readonly string[];
  /** What `--data-dir` holds. */
  readonly dataDir: string;
  readonly backends: readonly string[];
}

/** Adds the options of {@link RunFlags} to a command. */
export function addRunOptions(command: Command, { presets, data, dataDir, backends }: RunChoices): Command {
  return command
    .addOption(new Option("--preset <name>", "sizes and schedule (default: quick)").choices([...presets]))
    .option("--config <file>", "JSON file that overrides fields of the preset")
    .addOption(new Option("--data <source>", "where the images come from (default: auto)").choices([...data]))
    .option("--data-dir <dir>", `folder with ${dataDir} (default: $MMGEN_DATA_DIR)`)
    .addOption(backendOption(backends))
    .option("--seed <number>", "seed of every random choice (default: 1)", wholeNumber)
    .option("--out <dir>", "folder for results/ and checkpoints/ (default: this example's)")
    .option("--resume", "go on where an interrupted run stopped, with its settings", false)
    .addOption(
      new Option("--force", "remove an earlier run that --out holds, which is refused otherwise").conflicts("resume"),
    )
    .option(
      "--stop-after <steps>",
      "stop as Ctrl-C would after this many steps of a training, and print the estimate",
      positiveNumber,
    );
}

/** How a command draws, as typed; what is absent is the run's. */
export interface SamplingFlags {
  readonly temperature?: number;
  readonly topP?: number;
}

/** Adds the options of {@link SamplingFlags} to a command. */
export function addSamplingOptions(command: Command): Command {
  return command
    .option(
      "--temperature <number>",
      "0 takes the likeliest, 1 draws as learned (default: the run's)",
      numberBetween(0, 10),
    )
    .option(
      "--top-p <number>",
      "keep the likeliest ids that reach this probability (default: the run's)",
      numberBetween(0.001, 1),
    );
}

/** `--backend`. */
export function backendOption(backends: readonly string[]): Option {
  return new Option("--backend <name>", "what computes").choices([...backends]).default("auto");
}

/**
 * Gathers what a run works with.
 *
 * @param startBackend - Starts the backend of a name; one line that says which one runs.
 * @throws whatever `startBackend` throws; nothing is written before.
 */
export async function createRunContext<Settings extends { readonly preset: string; readonly seed: number }>(
  flags: RunFlags,
  run: { readonly settings: Settings; readonly folder: RunFolder },
  startBackend: (name: string) => Promise<string>,
): Promise<RunContext<Settings>> {
  const progress = new ProgressReporter();
  const interrupt = interruptSignal();
  const backend = await startBackend(flags.backend);
  progress.log(`Backend: ${backend}. Preset: ${run.settings.preset}, seed ${run.settings.seed}.`);
  return {
    ...run,
    dataDir: flags.dataDir === undefined ? undefined : fromCaller(flags.dataDir),
    resume: flags.resume,
    force: flags.force ?? false,
    backend,
    progress,
    observers: flags.stopAfter === undefined ? [] : [stopAfter(flags.stopAfter, interrupt, progress)],
    signal: interrupt.signal,
  };
}
