import { AbortedError, checkTokenBatch, DataError, type TokenBatch } from "@mmgen/core";
import { fields, functionValue, optional, resolveOptions, value, wholeNumber } from "@mmgen/core/options";
import { type SequenceMetrics, type SequenceMetricsOptions, sequenceMetrics } from "./sequence-metrics.js";

/** Inputs and the ids to predict from them: what a tokenizer makes and a transformer is trained on. */
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
  /** Stops between batches. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

const object = (expectation: string, field: string) =>
  value<object>(expectation, (candidate) => typeof candidate === "object" && candidate !== null && field in candidate);

const evaluateSequencesSchema = fields({
  model: object("a model with lossPerPosition", "lossPerPosition"),
  sequences: object("a batch of inputs and targets", "targets"),
  batchSize: wholeNumber({ min: 1 }),
  signal: optional(object("an AbortSignal", "aborted")),
  modalityOf: optional(functionValue()),
  orders: optional(value("a list of strings", Array.isArray)),
});

/**
 * Computes {@link sequenceMetrics} of a model over a whole set, in batches; each counted id weighs the same.
 *
 * @throws a `ConfigError` when an option is unknown or out of range.
 * @throws a {@link DataError} when the set is empty.
 * @throws a {@link AbortedError} when the signal fires.
 */
export async function evaluateSequences(options: EvaluateSequencesOptions): Promise<SequenceMetrics> {
  resolveOptions(evaluateSequencesSchema, options);
  const { model, sequences, batchSize, signal, modalityOf, orders } = options;
  const { inputs, targets, weights } = sequences;
  checkTokenBatch(inputs, undefined, "inputs");
  checkTokenBatch(targets, undefined, "targets");
  if (targets.count === 0) {
    throw new DataError("evaluateSequences: expected at least one sequence, got none.");
  }
  const losses = new Float32Array(targets.count * targets.length);
  for (let start = 0; start < targets.count; start += batchSize) {
    if (signal?.aborted) {
      throw new AbortedError("The evaluation was stopped by its signal.", { cause: signal.reason });
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
