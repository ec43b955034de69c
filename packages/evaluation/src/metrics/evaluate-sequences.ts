import { AbortedError, ConfigError, DataError, type TokenBatch } from "@mmgen/core";
import { type SequenceMetrics, type SequenceMetricsOptions, sequenceMetrics } from "./sequence-metrics.js";

/** Inputs and the ids to predict from them, as a tokenizer makes and a transformer takes them. */
export interface SequenceBatch {
  readonly inputs: TokenBatch;
  /** Shaped as `inputs`. */
  readonly targets: TokenBatch;
  /** Each target's share of the loss, shaped as `targets`; 0 for padding. Absent: all count. */
  readonly weights?: Float32Array;
}

/** Options of {@link evaluateSequences}. */
export interface EvaluateSequencesOptions extends Pick<SequenceMetricsOptions, "modalityOf" | "orders"> {
  /** Anything that gives each target's loss in nats, `[count, length]`: a `TinyTransformer`. */
  readonly model: { lossPerPosition(batch: SequenceBatch): Promise<Float32Array> };
  /** The whole set. */
  readonly sequences: SequenceBatch;
  readonly batchSize: number;
  /** Stops between batches. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a model over a whole set and sums up its losses, every counted id weighing the same, the short last batch included.
 *
 * @throws a {@link DataError} when the set is empty.
 * @throws a {@link AbortedError} when the signal fires.
 */
export async function evaluateSequences(options: EvaluateSequencesOptions): Promise<SequenceMetrics> {
  const { model, sequences, batchSize, signal, modalityOf, orders } = options;
  const { inputs, targets, weights } = sequences;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ConfigError(`batchSize: expected a whole number of at least 1, got ${batchSize}.`);
  }
  if (targets.count === 0) {
    throw new DataError("evaluateSequences: expected at least one sequence, got none.");
  }
  const losses = new Float32Array(targets.count * targets.length);
  for (let start = 0; start < targets.count; start += batchSize) {
    if (signal?.aborted) {
      throw new AbortedError("The evaluation was stopped.", { cause: signal.reason });
    }
    const end = Math.min(start + batchSize, targets.count);
    const batch = { inputs: rows(inputs, start, end), targets: rows(targets, start, end) };
    losses.set(await model.lossPerPosition(batch), start * targets.length);
  }
  return sequenceMetrics({ losses, targets, weights, modalityOf, orders });
}

function rows({ data, length }: TokenBatch, start: number, end: number): TokenBatch {
  return { data: data.subarray(start * length, end * length), count: end - start, length };
}
