import {
  CheckpointError,
  describeValue,
  fingerprint,
  parseJson,
  type RandomState,
  type StoredTensor,
} from "@mmgen/core";
import type { EpochRecord, Metrics } from "../observers/training-observer.js";
import type { Configuration } from "./compare-configurations.js";
import { upgradeRun } from "./legacy-state.js";

/** What a training state says of its run, beside tensors. */
export interface StoredRun {
  readonly step: number;
  readonly optimizerSteps: number;
  readonly random: RandomState;
  /** Absent before the first release: the fields of `configuration` then stand among the loop's settings. */
  readonly settings?: Configuration;
  readonly configuration: Configuration;
  readonly columns: readonly string[];
  readonly epochs: readonly EpochRecord[];
  /** Absent before the first release. */
  readonly runId?: unknown;
}

/**
 * Reads the description of a run; every record is checked.
 *
 * @throws a {@link CheckpointError} that names the first record that is damaged.
 */
export function parseRun(json: string | undefined): StoredRun {
  const { value, problem } = parseJson(json ?? "");
  const run = problem === undefined ? (upgradeRun(value) as Partial<StoredRun> | null) : undefined;
  const complete =
    isObject(run) &&
    isCount(run.step) &&
    isCount(run.optimizerSteps) &&
    isObject(run.configuration) &&
    (run.settings === undefined || isObject(run.settings)) &&
    Array.isArray((run.random as Partial<RandomState> | undefined)?.key) &&
    Array.isArray(run.columns) &&
    Array.isArray(run.epochs);
  if (!complete) {
    throw new CheckpointError("The training state's description of its run is missing or damaged.");
  }
  const { columns, epochs } = run as unknown as Record<"columns" | "epochs", readonly unknown[]>;
  const column = columns.find((name, i) => typeof name !== "string" || columns.indexOf(name) !== i);
  if (column !== undefined) {
    throw new CheckpointError(
      `The training state's step history: expected columns of different names, got ${describeValue(column)}. It is damaged.`,
    );
  }
  return { ...(run as unknown as StoredRun), epochs: epochs.map(readEpoch) };
}

function readEpoch(record: unknown, index: number): EpochRecord {
  const { epoch, step, trainLoss, metrics, seconds } = (record ?? {}) as Record<string, unknown>;
  const named = isObject(metrics) ? Object.entries(metrics) : [];
  const isRecord =
    isObject(record) &&
    Number.isFinite(epoch) &&
    isCount(step) &&
    isNumber(seconds) &&
    (trainLoss === undefined || isNumber(trainLoss)) &&
    isObject(metrics) &&
    named.every(([, value]) => isNumber(value));
  if (!isRecord) {
    throw new CheckpointError(
      `The training state's evaluation ${index + 1}: expected epoch, step, seconds and metrics as numbers, got ` +
        `${describeValue(record)}. It is damaged.`,
    );
  }
  const metricsRead: Metrics = Object.fromEntries(named.map(([name, value]) => [name, numberOf(value)]));
  return {
    ...(record as unknown as EpochRecord),
    ...(trainLoss !== undefined && { trainLoss: numberOf(trainLoss) }),
    metrics: metricsRead,
    seconds: numberOf(seconds),
  };
}

/** JSON has no NaN and no infinity: it writes null. */
function isNumber(value: unknown): boolean {
  return typeof value === "number" || value === null;
}

function numberOf(value: unknown): number {
  return value === null ? Number.NaN : (value as number);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A checksum of a training state: of its run's description and of every tensor's name, shape and bytes.
 *
 * @param like - The stored checksum that it is compared with; the result is of the same kind.
 */
export function checksumOf(run: string, tensors: ReadonlyMap<string, StoredTensor>, like?: string): string {
  const text = new TextEncoder();
  const parts: Uint8Array[] = [text.encode(run)];
  for (const name of [...tensors.keys()].sort()) {
    const { dtype, shape, data } = tensors.get(name)!;
    parts.push(text.encode(`${name} ${dtype} ${shape}`), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return fingerprint(parts, like);
}

/**
 * Throws a {@link CheckpointError} when a state's checksum is another than its content's, as after a fault of a disk. States
 * from before the first release have none.
 */
export function checkChecksum(
  { run, checksum }: Readonly<Record<string, string>>,
  tensors: ReadonlyMap<string, StoredTensor>,
): void {
  if (checksum !== undefined && checksum !== checksumOf(run ?? "", tensors, checksum)) {
    throw new CheckpointError(
      "The training state is damaged: its content is not that of its checksum. Resume from another copy of it.",
    );
  }
}
