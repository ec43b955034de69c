import { join } from "node:path";
import { PassThrough } from "node:stream";
import { AbortedError, type ProcessGroup, soleProcess } from "@mmgen/core";
import { type Command, Option } from "commander";
import { interruptSignal, numberBetween, positiveNumber, reportError, wholeNumber } from "./command.js";
import { ProgressReporter, type StepObserver, stopAfter } from "./progress-reporter.js";
import { AbsentFolder, type EarlierFiles, fromCaller, RunFolder } from "./run-folder.js";

/** What computes, as typed. */
export type ComputeFlags = { readonly backend: string; readonly device?: string; readonly replay?: boolean };

/** The options that every training run has, as typed. */
export interface RunFlags<Preset extends string = string, Data extends string = string> extends ComputeFlags {
  readonly preset?: Preset;
  readonly config?: string;
  readonly data?: Data;
  readonly dataDir?: string;
  readonly seed?: number;
  readonly out?: string;
  readonly resume: boolean;
  readonly force?: boolean;
  readonly stopAfter?: number;
  readonly tensorboard?: boolean;
  readonly processes?: "mpi";
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
  /** Whether to write event files for TensorBoard beside the log. Default false. */
  readonly tensorBoard?: boolean;
  readonly signal: AbortSignal;
  /** Processes that train together, of which the first does all that is done once. Default: this one alone. */
  readonly group?: ProcessGroup | undefined;
}

/** The values that an example's options take. */
export interface RunChoices extends ComputeChoices {
  /** What `--preset` and `--data` take. */
  readonly runs: { readonly presets: readonly string[]; readonly data: readonly string[] };
  /** What `--data-dir` holds. */
  readonly dataDir: string;
}

/** Adds the options of {@link RunFlags} to a command. */
export function addRunOptions(command: Command, { dataDir, runs, ...compute }: RunChoices): Command {
  return addComputeOptions(command, compute)
    .addOption(new Option("--preset <name>", "sizes and schedule (default: quick)").choices([...runs.presets]))
    .option("--config <file>", "JSON file that overrides fields of the preset")
    .addOption(new Option("--data <source>", `images (default: ${runs.data[0]})`).choices([...runs.data]))
    .option("--data-dir <dir>", `folder with ${dataDir} (default: as begun, else $MMGEN_DATA_DIR)`)
    .option("--seed <number>", "seed of every random choice (default: 1)", wholeNumber)
    .option("--out <dir>", "folder for results/ and checkpoints/ (default: this example's)")
    .option("--resume", "go on where an interrupted run stopped, with its settings", false)
    .addOption(new Option("--force", "remove an earlier run that --out holds, else refused").conflicts("resume"))
    .option("--tensorboard", "log for TensorBoard too, in results/tensorboard")
    .option("--stop-after <steps>", "stop after so many steps of a training, and print the estimate", positiveNumber)
    .addOption(new Option("--processes <launcher>", "join all that mpirun or srun has started").choices(["mpi"]));
}

/** How a command draws, as typed; what is absent is the run's. */
export interface SamplingFlags {
  readonly temperature?: number;
  readonly topP?: number;
}

/** Adds the options of {@link SamplingFlags} to a command. */
export function addSamplingOptions(command: Command): Command {
  return command
    .option("--temperature <number>", "0: the likeliest, 1: as learned (default: the run's)", numberBetween(0, 10))
    .option("--top-p <number>", "share of the likeliest ids to keep (default: the run's)", numberBetween(0.001, 1));
}

/** What `--backend` and `--device` take. */
export type ComputeChoices = Readonly<Record<"backends" | "devices", readonly string[]>>;

/** Adds `--backend`, `--device` and `--replay`. */
export function addComputeOptions(command: Command, { backends, devices }: ComputeChoices): Command {
  return command
    .addOption(new Option("--backend <name>", "what computes").choices([...backends]).default("auto"))
    .addOption(new Option("--device <name>", "where onnx computes (default: auto)").choices([...devices]))
    .option("--replay", "have onnx capture the steps of a device and replay them");
}

/** `--checkpoints`. */
export function checkpointsOption(): Option {
  return new Option("--checkpoints <dir>", "--out of the training run (default: this example's folder)");
}

type Program = (context: { readonly group: ProcessGroup }) => Promise<void>;

/** An example, as what its command line without a subcommand starts. */
export interface Example<Settings, Flags, Result> {
  /** What starts it: `npm start`. */
  readonly command: string;
  /** Where a run without `--out` keeps its files. */
  readonly folder: string;
  readonly runs: { readonly resolveSettings: (flags: Flags, folder: RunFolder) => Promise<Settings> };
  /** Starts the backend that was asked for; one line that says which one runs. */
  readonly startBackend: (flags: ComputeFlags) => Promise<string>;
  /** Loads `@mmgen/mpi`, for `--processes mpi`. */
  readonly loadMpi: () => Promise<{ runWithMpi(run: Program, options: { report: typeof reportError }): Promise<void> }>;
  /** Gives nothing in processes that others' results stand for. */
  readonly pipeline: (run: RunContext<Settings>) => Promise<Result | undefined>;
  readonly summarize: (result: Result, folder: RunFolder) => string;
}

/**
 * Starts or goes on with a run: its folder, its settings, its backend, then the pipeline, whose summary is printed.
 *
 * @throws whatever settings, backend and pipeline throw; nothing is written before the pipeline begins.
 */
export async function startRun<Settings extends { readonly preset: string; readonly seed: number }, Flags, Result>(
  flags: Flags & RunFlags,
  example: Example<Settings, Flags, Result>,
): Promise<void> {
  if (flags.processes === undefined) {
    return runAs(soleProcess, flags, example);
  }
  const { runWithMpi } = await example.loadMpi();
  return runWithMpi(({ group }) => runAs(group, flags, example), { report: reportError });
}

/** Runs as one process of a group, of which the first alone prints and writes. */
async function runAs<Settings extends { readonly preset: string; readonly seed: number }, Flags, Result>(
  group: ProcessGroup,
  flags: Flags & RunFlags,
  example: Example<Settings, Flags, Result>,
): Promise<void> {
  const [stream, Folder] = group.rank === 0 ? [process.stderr, RunFolder] : [new PassThrough().resume(), AbsentFolder];
  const folder = new Folder(flags.out, example.folder, example.command);
  const settings = await example.runs.resolveSettings(flags, folder);
  const began = flags.resume && flags.dataDir === undefined ? await folder.dataDir() : flags.dataDir;
  const dataDir = began === undefined ? undefined : fromCaller(began);
  const progress = new ProgressReporter(stream);
  const interrupt = interruptSignal(stream);
  const backend = await example.startBackend(flags);
  const processes = group.size > 1 ? ` Processes: ${group.size}.` : "";
  progress.log(`Backend: ${backend}.${processes} Preset: ${settings.preset}, seed ${settings.seed}.`);
  const result = await example.pipeline({
    ...{ settings, folder, backend, progress, resume: flags.resume, force: flags.force ?? false, dataDir },
    observers: flags.stopAfter === undefined ? [] : [stopAfter(flags.stopAfter, interrupt, progress)],
    ...{ signal: interrupt.signal, group, tensorBoard: flags.tensorboard ?? false },
  });
  process.stdout.write(result === undefined ? "" : example.summarize(result, folder));
}

/**
 * Does a run's work while it holds the run's folder.
 *
 * @param command - What starts the example; an interruption says how to go on with it.
 * @throws as `RunFolder.open`, and whatever the work throws.
 */
export async function inRunFolder<Result>(
  { folder, ...run }: Pick<RunContext<unknown>, "folder" | "resume" | "force">,
  { command, earlier }: { readonly command: string; readonly earlier: EarlierFiles },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    await folder.open({ ...run, earlier });
    return await work();
  } catch (error) {
    if (AbortedError.isInstance(error)) {
      const stopped = /^Stopped[^.]*\./.exec(error.message)?.[0] ?? "Stopped.";
      throw new AbortedError(`${stopped} Go on with "${command} -- --resume" (and the same --out).`, { cause: error });
    }
    throw error;
  } finally {
    await folder.release();
  }
}

/**
 * What one training takes of its run: signal, group, and as observers a progress bar, or lines where there is no terminal,
 * every step in `results/<name>.jsonl` and, where asked for, in `results/tensorboard/<name>/`, and the run's own.
 *
 * @param makers - `@mmgen/training/node`.
 */
export function stageOf<Observer>(
  run: Pick<RunContext<unknown>, "folder" | "group" | "observers" | "progress" | "signal" | "tensorBoard">,
  name: string,
  makers: {
    readonly terminalProgress: (options: { label: string; stream: NodeJS.WritableStream }) => Observer;
    readonly metricsFile: (path: string, options: { run: string }) => Observer;
    readonly tensorBoardLog: (folder: string) => Observer;
  },
) {
  const { group = soleProcess, progress, signal } = run;
  const { results } = run.folder;
  const observers: (Observer | StepObserver)[] = [
    makers.terminalProgress({ label: name, stream: progress.stream }),
    makers.metricsFile(join(results, `${name}.jsonl`), { run: name }),
    ...(run.tensorBoard ? [makers.tensorBoardLog(join(results, "tensorboard", name))] : []),
    ...run.observers,
  ];
  return { signal, group, observers };
}
