import { MmgenError } from "../errors/errors.js";
import { type ProcessGroup, soleProcess } from "./process-group.js";

/** Another process of a group failed, and this one ended with it. The message quotes the other's error. */
export class GroupError extends MmgenError {
  static override readonly kind: string = "GroupError";
  /** The process that failed, from 0; the first of several. */
  readonly rank: number;

  constructor(message: string, { rank, ...options }: ErrorOptions & { readonly rank: number }) {
    super(message, options);
    this.rank = rank;
  }
}

/** What a process says where all agree. */
export interface GroupStatement {
  /** Whether it is to stop. Default: no. */
  readonly isStopping?: boolean | undefined;
  /** Whether what came before is incomplete in it. Default: no. */
  readonly isIncomplete?: boolean | undefined;
  /** Whether its program is at its end. Default: no. */
  readonly hasEnded?: boolean | undefined;
  /** A number of its own. Default 0. */
  readonly number?: number | undefined;
}

/** What all have said together. */
export interface GroupAgreement {
  /** Whether any process is to stop. */
  readonly isStopping: boolean;
  /** Whether what came before is incomplete in any. */
  readonly isIncomplete: boolean;
  /** Of each process. */
  readonly numbers: readonly number[];
}

/** Characters of an error that the other processes are told. */
const errorLength = 400;

/** Marks errors that all processes know of; for all copies of this package. */
const told = Symbol.for("mmgen.told");

/**
 * Tells the other processes how this one stands, and learns how they do. Whatever processes do together starts with this
 * sum, which has the same length everywhere: one that has failed, wherever it did, meets the others at their next.
 *
 * @throws a {@link GroupError} when another process has failed, or is at its end while this one is not.
 */
export async function agree(group: ProcessGroup, statement: GroupStatement = {}): Promise<GroupAgreement> {
  const { ended, failed, ...agreement } = await meet(group, statement);
  if (failed > 0) {
    throw await describePeers(group, "");
  }
  if (ended > 0 && ended < group.size) {
    throw mark(
      new GroupError(
        `${ended} of ${group.size} processes ended their program where the others still computed together. Run the same in all.`,
        { rank: group.rank },
      ),
    );
  }
  return agreement;
}

/**
 * Tells the other processes that this one has failed: their next {@link agree} throws. Where they know already, nothing is
 * sent.
 *
 * @returns The error, which they then know.
 */
export async function tellFailure(group: ProcessGroup, error: unknown): Promise<unknown> {
  if (isTold(error) || group.size === 1) {
    return error;
  }
  await meet(group, { hasFailed: true });
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  await describePeers(group, text === "" ? "Error" : text);
  return error instanceof Error ? mark(error) : mark(new MmgenError(text));
}

/** Whether all processes know of an error, by {@link tellFailure} or as it was thrown by {@link agree}. */
export function isTold(error: unknown): boolean {
  return error instanceof Error && told in error;
}

/**
 * Marks an error that stands for another which all processes know of, so that it is not told again.
 *
 * @returns The error.
 */
export function toldAs<Failure>(error: Failure, original: unknown): Failure {
  return isTold(original) && error instanceof Error ? mark(error) : error;
}

/**
 * Does work in every process, of which each waits for the others. Where it fails in one it fails in all.
 *
 * @returns What it gave here.
 * @throws what it threw here, or a {@link GroupError}.
 */
export async function inAllProcesses<Result>(group: ProcessGroup, work: () => Promise<Result>): Promise<Result> {
  let result: Result;
  try {
    result = await work();
  } catch (error) {
    throw await tellFailure(group, error);
  }
  await agree(group);
  return result;
}

/**
 * Does work in the first process, while the others wait, and gives all what it gave. Where it fails, it fails in all.
 *
 * @param processes - Default: this one alone.
 * @param work - Gives bytes, or `undefined`, which all then get.
 * @throws what it threw, and in all other processes a {@link GroupError}.
 */
export async function inFirstProcess(
  processes: ProcessGroup | undefined,
  work: () => Promise<Uint8Array | undefined>,
): Promise<Uint8Array | undefined> {
  const group = processes ?? soleProcess;
  let bytes: Uint8Array | undefined;
  if (group.rank === 0) {
    try {
      bytes = await work();
    } catch (error) {
      throw await tellFailure(group, error);
    }
  }
  if (group.size === 1) {
    return bytes;
  }
  const length = (await agree(group, { number: group.rank === 0 ? (bytes?.length ?? -1) : 0 })).numbers[0]!;
  if (length < 0) {
    return undefined;
  }
  const shared = bytes?.slice() ?? new Uint8Array(length);
  await group.broadcast(shared);
  return shared;
}

async function meet(
  group: ProcessGroup,
  { hasEnded, hasFailed, isIncomplete, isStopping, number = 0 }: GroupStatement & { readonly hasFailed?: boolean },
) {
  const flags = [hasFailed, hasEnded, isStopping, isIncomplete].map(Number).map((flag) => flag || 0);
  const values = new Float64Array(flags.length + group.size);
  values.set(flags);
  // All others add zeros, so that numbers arrive as they are.
  values[flags.length + group.rank] = number;
  await group.sum(values);
  const [failed, ended, stopping, incomplete, ...numbers] = values;
  return { failed: failed!, ended: ended!, isStopping: stopping! > 0, isIncomplete: incomplete! > 0, numbers };
}

/** The error of the first process that has one. */
async function describePeers(group: ProcessGroup, own: string): Promise<GroupError> {
  const { rank, size } = group;
  const codes = new Float32Array(size * errorLength);
  codes.set(
    Array.from({ length: Math.min(own.length, errorLength) }, (_, i) => own.charCodeAt(i)),
    rank * errorLength,
  );
  await group.sum(codes);
  const texts = Array.from({ length: size }, (_, process) => {
    const text = codes.subarray(process * errorLength, (process + 1) * errorLength).filter((code) => code > 0);
    return String.fromCharCode(...text);
  });
  const first = texts.findIndex((text) => text !== "");
  return mark(new GroupError(`Process ${first} of ${size} failed: ${texts[first]}`, { rank: first }));
}

function mark<Failure extends Error>(error: Failure): Failure {
  Object.defineProperty(error, told, { value: true, configurable: true });
  return error;
}
