import type { ExampleSource } from "@mmgen/core";
import { AbortedError, ConfigError, DataError, Random } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { Metrics } from "../observers/training-history.js";

/** Options of {@link evaluateLoss}. */
export interface EvaluateLossOptions<Batch, Aux> {
  readonly model: TensorTrainable<Batch, Aux>;
  readonly examples: ExampleSource<Batch>;
  readonly batchSize: number;
  /** Handed to {@link ExampleSource.batch}, one stream a batch. Default: seed 0, so that evaluations compare. */
  readonly random?: Random;
  /** Stops between batches. */
  readonly signal?: AbortSignal;
}

/**
 * The model's loss and metrics over all examples, each example weighing the same, without dropout.
 *
 * The last batch is as short as the rest leaves it. A model's metrics are taken for means over examples: what is not one
 * (perplexity) has to be computed over the whole set by other means.
 *
 * @returns `loss` and the model's metrics.
 * @throws a {@link DataError} when there is no example.
 * @throws a {@link AbortedError} when the signal fires.
 */
export async function evaluateLoss<Batch, Aux>(options: EvaluateLossOptions<Batch, Aux>): Promise<Metrics> {
  const { model, examples, batchSize, random = Random.fromSeed(0), signal } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ConfigError(`batchSize: expected a whole number of at least 1, got ${batchSize}.`);
  }
  if (examples.count < 1) {
    throw new DataError("evaluateLoss: expected at least one example, got none.");
  }
  const sums: Record<string, number> = {};
  for (let start = 0; start < examples.count; start += batchSize) {
    if (signal?.aborted) {
      throw new AbortedError("The evaluation was stopped.", { cause: signal.reason });
    }
    const size = Math.min(batchSize, examples.count - start);
    const indices = Int32Array.from({ length: size }, (_, i) => start + i);
    const stream = random.fork(start);
    const batch = await examples.batch(indices, { epoch: 0, training: false, random: stream });
    for (const [name, mean] of Object.entries(await batchFigures(model, batch, stream))) {
      sums[name] = (sums[name] ?? 0) + mean * size;
    }
  }
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / examples.count]));
}

async function batchFigures<Batch, Aux>(
  model: TensorTrainable<Batch, Aux>,
  batch: Batch,
  random: Random,
): Promise<Metrics> {
  let names: string[] = [];
  const stacked = tf.tidy(() => {
    const { total, metrics } = model.loss(batch, { training: false, random });
    names = ["loss", ...Object.keys(metrics)];
    return tf.stack([total, ...Object.values(metrics)].map((figure) => tf.cast(figure, "float32")));
  });
  const values = await stacked.data();
  stacked.dispose();
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}
