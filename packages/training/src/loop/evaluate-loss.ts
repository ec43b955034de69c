import type { ExampleSource } from "@mmgen/core";
import { AbortedError, DataError, Random } from "@mmgen/core";
import { fields, optional, resolveOptions } from "@mmgen/core/options";
import type { TensorTrainable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { Metrics } from "../observers/training-observer.js";
import { randomValue, runFields } from "./train-options.js";
import { stackMetrics } from "./training-step.js";

/** Options of {@link evaluateLoss}. */
export interface EvaluateLossOptions<Batch, Aux> {
  readonly model: TensorTrainable<Batch, Aux>;
  readonly examples: ExampleSource<Batch>;
  readonly batchSize: number;
  /** Passed to {@link ExampleSource.batch}, one stream a batch. Default: seed 0, so that evaluations compare. */
  readonly random?: Random;
  /** Stops between batches. */
  readonly signal?: AbortSignal;
}

const evaluateLossSchema = fields({ ...runFields, random: optional(randomValue) });

/**
 * The model's loss and metrics over all examples, each example weighing the same, without dropout.
 *
 * The last batch may be shorter than the others. A model's metrics are averaged over examples: one that is no such mean
 * (perplexity) has to be computed over the whole set by other means.
 *
 * @returns `loss` and the model's metrics.
 * @throws a `ConfigError` when an option is unknown or out of range.
 * @throws a {@link DataError} when there is no example.
 * @throws a {@link AbortedError} when the signal fires.
 */
export async function evaluateLoss<Batch, Aux>(options: EvaluateLossOptions<Batch, Aux>): Promise<Metrics> {
  resolveOptions(evaluateLossSchema, options);
  const { model, examples, batchSize, random = Random.fromSeed(0), signal } = options;
  if (examples.count < 1) {
    throw new DataError("evaluateLoss: expected at least one example, got none.");
  }
  const sums: Record<string, number> = {};
  for (let start = 0; start < examples.count; start += batchSize) {
    if (signal?.aborted) {
      throw new AbortedError("The evaluation was stopped by its signal.", { cause: signal.reason });
    }
    const size = Math.min(batchSize, examples.count - start);
    const indices = Int32Array.from({ length: size }, (_, i) => start + i);
    const stream = random.fork(start);
    const batch = await examples.batch(indices, { epoch: 0, training: false, random: stream });
    for (const [name, mean] of Object.entries(await batchMetrics(model, batch, stream))) {
      sums[name] = (sums[name] ?? 0) + mean * size;
    }
  }
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / examples.count]));
}

async function batchMetrics<Batch, Aux>(
  model: TensorTrainable<Batch, Aux>,
  batch: Batch,
  random: Random,
): Promise<Metrics> {
  let names: string[] = [];
  const stacked = tf.tidy(() => {
    const { total, metrics } = model.loss(batch, { training: false, random });
    names = ["loss", ...Object.keys(metrics)];
    return stackMetrics([total, ...Object.values(metrics)]);
  });
  const values = await stacked.data();
  stacked.dispose();
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}
