import { describeValue } from "../errors/describe-value.js";
import { ConfigError, ShapeError } from "../errors/errors.js";

/**
 * Processes that compute together, on one machine or on many: what training in parts needs of MPI or of anything like it.
 *
 * Both methods are collective: every process calls them, in the same order and with arrays of the same type and length, and
 * each call ends when all have come. Only one call of a process runs at a time.
 */
export interface ProcessGroup {
  /** This process's number, from 0. */
  readonly rank: number;
  /** Number of processes. */
  readonly size: number;
  /**
   * Adds up the values of all processes, element by element. Afterwards all have the same sums, to the bit where they run on
   * machines of one kind.
   *
   * @param values - Overwritten with the sums; not to be touched before the call has ended.
   */
  sum(values: Float32Array | Float64Array): Promise<void>;
  /**
   * Copies the values of process 0 to all others.
   *
   * @param values - Overwritten, but in process 0; not to be touched before the call has ended.
   */
  broadcast(values: GroupValues): Promise<void>;
}

/** What a {@link ProcessGroup} copies. */
export type GroupValues = Uint8Array | Int32Array | Float32Array | Float64Array;

/** The group of one process: its sums are its own values. */
export const soleProcess: ProcessGroup = Object.freeze({
  rank: 0,
  size: 1,
  sum: async () => {},
  broadcast: async () => {},
});

/**
 * Groups whose processes all live in this one, to try out and to test what runs in many: give each to a loop of its own, and
 * run these at once. Sums are taken in the order of the ranks, in the values' own precision.
 *
 * @returns One a rank.
 * @throws a {@link ConfigError} unless `size` is a whole number of at least 1; from `sum` and `broadcast`, in all processes,
 *   a {@link ShapeError} when they do not call the same method with arrays of one type and length.
 */
export function localProcesses(size: number): ProcessGroup[] {
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new ConfigError(`localProcesses: expected a whole number of at least 1, got ${describeValue(size)}.`);
  }
  let meeting: Call[] = [];
  const meet = (call: Omit<Call, "resolve" | "reject">) =>
    new Promise<void>((resolve, reject) => {
      meeting.push({ ...call, resolve, reject });
      if (meeting.length === size) {
        const calls = meeting.sort((a, b) => a.rank - b.rank);
        meeting = [];
        finish(calls);
      }
    });
  return Array.from({ length: size }, (_, rank) => ({
    ...{ rank, size },
    sum: (values) => meet({ rank, values, isSum: true }),
    broadcast: (values) => meet({ rank, values, isSum: false }),
  }));
}

interface Call {
  readonly rank: number;
  readonly values: GroupValues;
  readonly isSum: boolean;
  resolve(): void;
  reject(error: unknown): void;
}

function finish(calls: readonly Call[]): void {
  const forms = new Set(
    calls.map(({ isSum, values }) => `${isSum ? "sum" : "broadcast"} of ${values.constructor.name}(${values.length})`),
  );
  if (forms.size > 1 || new Set(calls.map(({ rank }) => rank)).size !== calls.length) {
    const error = new ShapeError(
      `A group's processes must make the same call, one each, and here they make ${[...forms].join(", ")}.`,
    );
    for (const { reject } of calls) {
      reject(error);
    }
    return;
  }
  const [first, ...others] = calls;
  const result = first!.values;
  if (first!.isSum) {
    for (const { values } of others) {
      for (let i = 0; i < result.length; i++) {
        result[i]! += values[i]!;
      }
    }
  }
  for (const { values } of others) {
    values.set(result);
  }
  for (const { resolve } of calls) {
    resolve();
  }
}
