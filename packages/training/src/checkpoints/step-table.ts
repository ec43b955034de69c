import { CheckpointError, type StoredTensor } from "@mmgen/core";
import type { StepRecord } from "../observers/training-observer.js";

const ownColumns = ["step", "epoch", "loss", "gradientNorm", "learningRate", "seconds"] as const;

/** Step records as arrays: small in a file, and exact. */
export interface PackedSteps {
  /** Names of the table's columns. */
  readonly columns: readonly string[];
  /** `[steps, columns]`, float32. */
  readonly table: StoredTensor;
  /** `targetWeight` of each step, `[steps]`, float32, NaN where a step has none; absent where none has one. */
  readonly weights?: StoredTensor | undefined;
}

/** Packs step records. */
export function packSteps(steps: readonly StepRecord[]): PackedSteps {
  const metricNames = Object.keys(steps[0]?.metrics ?? {});
  const columns = [...ownColumns, ...metricNames];
  const data = new Float32Array(steps.length * columns.length);
  let at = 0;
  for (const record of steps) {
    for (const name of ownColumns) {
      data[at++] = record[name];
    }
    for (const name of metricNames) {
      data[at++] = record.metrics[name]!;
    }
  }
  const table: StoredTensor = { dtype: "float32", shape: [steps.length, columns.length], data };
  if (steps.every(({ targetWeight }) => targetWeight === undefined)) {
    return { columns, table };
  }
  const weights = Float32Array.from(steps, ({ targetWeight = Number.NaN }) => targetWeight);
  return { columns, table, weights: { dtype: "float32", shape: [steps.length], data: weights } };
}

/**
 * The inverse of {@link packSteps}.
 *
 * @throws a {@link CheckpointError} when the columns are others, or do not fit the table.
 */
export function unpackSteps({ columns, table, weights }: PackedSteps): StepRecord[] {
  const ownMatch = ownColumns.every((name, i) => columns[i] === name);
  if (!ownMatch || table.shape.length !== 2 || table.shape[1] !== columns.length) {
    throw new CheckpointError(
      `The training state's step history has columns ${columns.join(", ").slice(0, 200)} in an array shaped ` +
        `[${table.shape.join(", ")}]; it is damaged or of another version.`,
    );
  }
  const steps = table.shape[0]!;
  const isWeights = weights === undefined || (weights.shape.length === 1 && weights.shape[0] === steps);
  if (table.dtype !== "float32" || !isWeights) {
    throw new CheckpointError(
      `The training state's step history has ${steps} steps as ${table.dtype} and target weights shaped ` +
        `[${weights?.shape.join(", ") ?? ""}]; it is damaged.`,
    );
  }
  const own = ownColumns.length;
  const metricNames = columns.slice(own);
  return Array.from({ length: steps }, (_, row) => {
    const start = row * columns.length;
    const [step, epoch, loss, gradientNorm, learningRate, seconds] = table.data.subarray(start, start + own);
    const metrics = Object.fromEntries(metricNames.map((name, i) => [name, table.data[start + own + i]!]));
    const record = { step, epoch, loss, gradientNorm, learningRate, seconds, metrics } as StepRecord;
    const targetWeight = weights?.data[row] ?? Number.NaN;
    return Number.isNaN(targetWeight) ? record : { ...record, targetWeight };
  });
}
