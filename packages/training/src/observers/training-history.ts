import { CheckpointError, type StoredTensor } from "@mmgen/core";

/** Figures by name. */
export type Metrics = Readonly<Record<string, number>>;

/** One optimizer step. All figures are float32 values, so that they outlive a checkpoint unchanged. */
export interface StepRecord {
  /** Counted from 1. */
  readonly step: number;
  /** Counted from 1. */
  readonly epoch: number;
  /** Mean over the batch, before the step. */
  readonly loss: number;
  /** Norm of all gradients together, before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** What the model reports beside its loss. */
  readonly metrics: Metrics;
  /** Wall-clock time of the step, batch making included. */
  readonly seconds: number;
}

/** One evaluation: before training (`epoch` 0), after each epoch, and at the end. */
export interface EpochRecord {
  /** Epochs finished, counted from 1; a run that ends within an epoch gives it as a fraction. */
  readonly epoch: number;
  /** Steps taken. */
  readonly step: number;
  /** Mean training loss since the evaluation before; absent before training. */
  readonly trainLoss?: number;
  /** What `evaluate` returned. */
  readonly metrics: Metrics;
  /** Wall-clock time since the evaluation before, this one included. */
  readonly seconds: number;
}

/** Everything measured in a run, from its first step, resumes included. */
export interface TrainingHistory {
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];
}

const ownColumns = ["step", "epoch", "loss", "gradientNorm", "learningRate", "seconds"] as const;

/** Step records as one `[steps, columns]` array with the columns' names: small in a file, exact to the bit. */
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

/** The inverse of {@link packSteps}. */
export function unpackSteps(columns: readonly string[], table: StoredTensor): StepRecord[] {
  const ownMatch = ownColumns.every((name, i) => columns[i] === name);
  if (!ownMatch || table.shape.length !== 2 || table.shape[1] !== columns.length) {
    throw new CheckpointError(
      `The checkpoint's step history has columns ${columns.join(", ")} in an array shaped [${table.shape.join(", ")}]; it is damaged or of another version.`,
    );
  }
  const metricNames = columns.slice(ownColumns.length);
  return Array.from({ length: table.shape[0]! }, (_, row) => {
    const values = table.data.subarray(row * columns.length, (row + 1) * columns.length);
    const [step, epoch, loss, gradientNorm, learningRate, seconds] = values as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const metrics = Object.fromEntries(metricNames.map((name, i) => [name, values[ownColumns.length + i]!]));
    return { step, epoch, loss, gradientNorm, learningRate, metrics, seconds };
  });
}
