import type { TrainingObserver } from "@mmgen/training";
import { type Command, Option } from "commander";
import { type BackendChoice, backendChoices, selectTrainingBackend } from "./backend.js";
import { interruptSignal } from "./interruption.js";
import { Narrator } from "./narrator.js";
import { positiveNumber, wholeNumber } from "./option-parsers.js";
import { fromCaller, type RunFolders, runFolders } from "./paths.js";
import { stopAfter } from "./stop-after.js";

/** The options that every training run has, as typed. */
export interface RunFlags<Preset extends string, Data extends string> {
  readonly preset?: Preset;
  readonly config?: string;
  readonly data?: Data;
  readonly dataDir?: string;
  readonly backend: BackendChoice;
  readonly seed?: number;
  readonly out?: string;
  readonly resume: boolean;
  readonly stopAfter?: number;
}

/** What a training run needs. */
export interface RunOptions<Settings> {
  readonly settings: Settings;
  readonly folders: RunFolders;
  readonly dataDir: string | undefined;
  /** Whether to go on from the checkpoints in the folder, or to start anew and remove them. */
  readonly resume: boolean;
  /** One line that says what computes. */
  readonly backend: string;
  readonly narrator: Narrator;
  /** Told of the training of both models, beside the narrator's own observers. */
  readonly observers: readonly TrainingObserver[];
  readonly signal: AbortSignal;
}

/** What an example calls its choices. */
export interface RunChoices {
  readonly presets: readonly string[];
  readonly data: readonly string[];
  /** What `--data-dir` holds. */
  readonly dataDir: string;
}

/** Adds the options of {@link RunFlags} to a command. */
export function addRunOptions(command: Command, { presets, data, dataDir }: RunChoices): Command {
  return command
    .addOption(new Option("--preset <name>", "sizes and schedule (default: quick)").choices([...presets]))
    .option("--config <file>", "JSON file that overrides fields of the preset")
    .addOption(new Option("--data <source>", "where the digits come from (default: auto)").choices([...data]))
    .option("--data-dir <dir>", `folder with ${dataDir} (default: $MMGEN_DATA_DIR)`)
    .addOption(backendOption())
    .option("--seed <number>", "seed of every random choice (default: 1)", wholeNumber)
    .option("--out <dir>", "folder for results/ and checkpoints/ (default: this example's)")
    .option("--resume", "go on where an interrupted run stopped, with its settings", false)
    .option(
      "--stop-after <steps>",
      "stop as Ctrl-C would after so many steps of a training, and print the estimate",
      positiveNumber,
    );
}

/** `--backend`. */
export function backendOption(): Option {
  return new Option("--backend <name>", "what computes").choices([...backendChoices]).default("auto");
}

/**
 * Chooses the backend, and gathers what a run needs.
 *
 * @param settingsIn - The settings of the run whose folders these are.
 * @throws a `ConfigError` when the backend cannot be had or cannot train; what `settingsIn` throws.
 */
export async function prepareRun<Settings extends { readonly preset: string; readonly seed: number }>(
  flags: RunFlags<string, string>,
  exampleFolder: string,
  settingsIn: (folders: RunFolders) => Promise<Settings>,
): Promise<RunOptions<Settings>> {
  const folders = runFolders(flags.out, exampleFolder);
  const settings = await settingsIn(folders);
  const narrator = new Narrator(folders);
  const interrupt = interruptSignal();
  const backend = await selectTrainingBackend(flags.backend);
  narrator.line(`Backend: ${backend}. Preset: ${settings.preset}, seed ${settings.seed}.`);
  return {
    settings,
    folders,
    dataDir: flags.dataDir === undefined ? undefined : fromCaller(flags.dataDir),
    resume: flags.resume,
    backend,
    narrator,
    observers: flags.stopAfter === undefined ? [] : [stopAfter(flags.stopAfter, interrupt, narrator)],
    signal: interrupt.signal,
  };
}
