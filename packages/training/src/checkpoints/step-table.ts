import { CheckpointError, type StoredTensor } from "@mmgen/core";
import type { StepRecord } from "../observers/training-observer.js";

const ownColumns = ["step", "epoch", "loss", "gradientNorm", "learningRate", "seconds"] as const;

/** Step records as one `[steps, columns]` float32 array with the columns' names: small in a file, and exact. */
export function packSteps(steps: readonly StepRecord[]): { columns: string[]; table: StoredTensor } {
  const metricNames = Object.keys(steps[0]?.metrics ?? {});
  const columns = [...ownColumns, ...metricNames];
  const data = new Float32Array(steps.length * columns.length);
  for (const [row, record] of steps.entries()) {
    const values = [...ownColumns.map((name) => record[name]), ...metricNames.map((name) => record.metrics[name]!)];
    data.set(values, row * columns.length);
  }
  return { columns, table: { dtype: "float32", shape: [steps.length, columns.length], data } };
}

/**
 * The inverse of {@link packSteps}.
 *
 * @throws a {@link CheckpointError} when the columns are others, or do not fit the table.
 */
export function unpackSteps(columns: readonly string[], table: StoredTensor): StepRecord[] {
  const ownMatch = ownColumns.every((name, i) => columns[i] === name);
  if (!ownMatch || table.shape.length !== 2 || table.shape[1] !== columns.length) {
    throw new CheckpointError(
      `The training state's step history has columns ${columns.join(", ").slice(0, 200)} in an array shaped ` +
        `[${table.shape.join(", ")}]; it is damaged or of another version.`,
    );
  }
  const metricNames = columns.slice(ownColumns.length);
  return Array.from({ length: table.shape[0]! }, (_, row) => {
    const values = table.data.subarray(row * columns.length, (row + 1) * columns.length);
    const own = Object.fromEntries(ownColumns.map((name, i) => [name, values[i]!])) as Record<OwnColumn, number>;
    const metrics = Object.fromEntries(metricNames.map((name, i) => [name, values[ownColumns.length + i]!]));
    return { ...own, metrics };
  });
}

type OwnColumn = (typeof ownColumns)[number];
