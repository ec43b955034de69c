import { AbortedError, agree, MmgenError, type ProcessGroup, soleProcess, tellFailure } from "@mmgen/core";
import { fields, functionValue, optional, resolveOptions, text } from "@mmgen/core/options";
import { type Environment, loadMpi } from "../library/load-mpi.js";
import { MpiGroup } from "./mpi-group.js";

/** Options of {@link joinMpi}. */
export interface JoinMpiOptions {
  /** File of the MPI library. Default: `$MMGEN_MPI_LIBRARY`, else that of the launcher, by its usual names. */
  readonly library?: string | undefined;
}

/** Options of {@link runWithMpi}. */
export interface RunWithMpiOptions extends JoinMpiOptions {
  /** Tells an error, in one process, and gives the exit status. Default: one line on standard error; 1, or 130 after an abort. */
  readonly report?: ((error: unknown) => number) | undefined;
}

/** What {@link runWithMpi} gives a program. */
export interface MpiProgram {
  readonly group: ProcessGroup;
  /** Fires at Ctrl-C, SIGTERM or SIGHUP: hand it to `train`, which stops everywhere, with its state saved. */
  readonly signal: AbortSignal;
}

const joinEntries = { library: optional(text({ minLength: 1 })) };
const joinSchema = fields(joinEntries);
const runSchema = fields({ ...joinEntries, report: optional(functionValue<(error: unknown) => number>()) });

/** What launchers tell the processes that they start: Open MPI, MPICH and Intel MPI, PMIx (Slurm, PRRTE). */
const launcherVariables = ["OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE", "PMIX_RANK"];

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Milliseconds that a process which has failed waits for the others to hear of it before it ends them. */
const patience = 10_000;

let joined: Promise<MpiGroup> | undefined;

/**
 * The group of the processes that `mpirun`, `mpiexec` or `srun --mpi=pmix` started; alone where nobody did, without a look
 * for MPI.
 *
 * A program that calls this itself ends with `leave` of an {@link MpiGroup} and `process.exit`; {@link runWithMpi} does both.
 *
 * @throws a `ConfigError` when koffi or an MPI library is missing, or an option is unknown.
 */
export async function joinMpi(options: JoinMpiOptions = {}): Promise<ProcessGroup> {
  const { library } = resolveOptions(joinSchema, options);
  const environment: Environment = globalThis.process?.env ?? {};
  if (launcherVariables.every((name) => environment[name] === undefined)) {
    return soleProcess;
  }
  // A process joins once; one that could not, may try another library.
  joined ??= loadMpi(library, environment).then((mpi) => new MpiGroup(mpi));
  return joined.catch((error) => {
    joined = undefined;
    throw error;
  });
}

/**
 * Runs a program in every process of the group, and ends them together.
 *
 * An error is told in one line, by the first process that has one; where the others wait for a process that has failed, it
 * ends them after ten seconds. The exit status is 1 then, 130 after an abort, and 0 otherwise.
 */
export async function runWithMpi(
  program: (context: MpiProgram) => Promise<void>,
  options: RunWithMpiOptions = {},
): Promise<void> {
  const { report, ...joining } = resolveOptions(runSchema, options);
  const group = await joinMpi(joining);
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => controller.abort(name);
  for (const name of stopSignals) {
    process.on(name, stop);
  }
  let failure: MpiFailure | undefined;
  try {
    await program({ group, signal: controller.signal });
  } catch (error) {
    failure = { error };
  }
  for (const name of stopSignals) {
    process.off(name, stop);
  }
  await endWithMpi(group, failure, report);
}

/**
 * Ends a program: waits for the other processes, tells an error once, leaves MPI, and exits where there is one to leave.
 *
 * @param failure - What the program threw here. Default: nothing.
 * @param report - Tells an error, and gives the exit status. Default: one line on standard error; 1, or 130 after an abort.
 */
export async function endWithMpi(
  group: ProcessGroup,
  failure?: MpiFailure,
  report: (error: unknown) => number = reportError,
): Promise<void> {
  if (!(group instanceof MpiGroup)) {
    process.exitCode = failure ? report(failure.error) : process.exitCode;
    return;
  }
  const known = await tell(group, failure);
  if (known === "untold") {
    const status = report(failure!.error);
    group.abort(status);
    process.exit(status);
  }
  const first = await group.meetAtEnd(known !== undefined);
  let status = Number(process.exitCode ?? 0);
  if (first === group.rank) {
    status = report(known!.error);
  } else if (first !== group.size) {
    status = 1;
  }
  group.leave();
  process.exit(status);
}

/** What a program has thrown. */
export interface MpiFailure {
  readonly error: unknown;
}

/** The failure that all know of, here or elsewhere; or that the others could not be told in time. */
async function tell(group: MpiGroup, failure: MpiFailure | undefined): Promise<MpiFailure | "untold" | undefined> {
  if (failure === undefined) {
    return agree(group, { hasEnded: true }).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"untold">((resolve) => {
    timer = setTimeout(resolve, patience, "untold");
  });
  const known = await Promise.race([tellFailure(group, failure.error).then((error) => ({ error })), late]);
  clearTimeout(timer);
  return known;
}

function reportError(error: unknown): number {
  const isOurs = MmgenError.isInstance(error);
  const text = error instanceof Error && !isOurs ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${isOurs ? text.replaceAll("\n", " ") : text}\n`);
  return AbortedError.isInstance(error) ? 130 : 1;
}
