import { type Command, Option } from "commander";
import { interruptSignal, positiveNumber, wholeNumber } from "./command.js";
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
  readonly stopAfter?: number;
}

/** What a run works with, from its first line to its last. */
export interface RunContext<Settings> {
  readonly settings: Settings;
  readonly folder: RunFolder;
  readonly dataDir: string | undefined;
  /** Whether to go on from the checkpoints in the folder, or to start anew and remove them. */
  readonly resume: boolean;
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
    .option(
      "--stop-after <steps>",
      "stop as Ctrl-C would after this many steps of a training, and print the estimate",
      positiveNumber,
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
    backend,
    progress,
    observers: flags.stopAfter === undefined ? [] : [stopAfter(flags.stopAfter, interrupt, progress)],
    signal: interrupt.signal,
  };
}
