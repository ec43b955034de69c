import type { ExampleSource, LossResult, ProcessGroup } from "@mmgen/core";
import { AbortedError, DataError, Random, soleProcess } from "@mmgen/core";
import { fields, optional, resolveOptions, seededRandom } from "@mmgen/core/options";
import type { TensorTrainable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { type EvaluatedBatch, gatherBatches } from "../group/gather-batches.js";
import type { Metrics } from "../observers/training-observer.js";
import { processGroup, runFields } from "./train-options.js";
import { letOthersRun, stackMetrics } from "./training-step.js";

/** Options of {@link evaluateLoss}. */
export interface EvaluateLossOptions<Batch, Aux> {
  readonly model: TensorTrainable<Batch, Aux>;
  readonly examples: ExampleSource<Batch>;
  readonly batchSize: number;
  /** Passed to {@link ExampleSource.batch}, one stream a batch. Default: seed 0, so that evaluations compare. */
  readonly random?: Random;
  /** Stops between batches. Default: none. */
  readonly signal?: AbortSignal;
  /**
   * Processes that share the batches; each calls `evaluateLoss` with the same options and gets the same metrics, to the bit
   * those of one process. A signal in one stops all. Default: this process alone.
   */
  readonly group?: ProcessGroup;
}

const evaluateLossSchema = fields({
  ...runFields,
  random: optional(seededRandom()),
  group: optional(processGroup),
});

/**
 * The model's loss and metrics over all examples, without dropout: means over all targets by their weights where the model
 * counts these ({@link LossResult.targetWeight}), else over examples, each weighing the same. They do not depend on
 * `batchSize`.
 *
 * The last batch may be shorter than the others. A metric that is no mean (perplexity) has to be computed over the whole
 * set by other means.
 *
 * @returns `loss` and the model's metrics.
 * @throws a `ConfigError` when an option is unknown or out of range.
 * @throws a {@link DataError} when there is no example, or none has a target whose weight is above 0.
 * @throws a {@link AbortedError} when the signal fires.
 */
export async function evaluateLoss<Batch, Aux>(options: EvaluateLossOptions<Batch, Aux>): Promise<Metrics> {
  resolveOptions(evaluateLossSchema, options);
  const { examples, batchSize, group = soleProcess } = options;
  if (examples.count < 1) {
    throw new DataError("evaluateLoss: expected at least one example, got none.");
  }
  if (group.size === 1) {
    return meanMetrics([...(await evaluateBatches(options)).values()]);
  }
  const count = Math.ceil(examples.count / batchSize);
  return meanMetrics(await gatherBatches(group, count, () => evaluateBatches(options)));
}

/** This process's share of the batches, by their numbers. */
async function evaluateBatches<Batch, Aux>({
  batchSize,
  examples,
  group = soleProcess,
  model,
  random = Random.fromSeed(0),
  signal,
}: EvaluateLossOptions<Batch, Aux>): Promise<Map<number, EvaluatedBatch>> {
  const batches = new Map<number, EvaluatedBatch>();
  for (let start = batchSize * group.rank; start < examples.count; start += batchSize * group.size) {
    await letOthersRun();
    if (signal?.aborted) {
      throw new AbortedError("The evaluation was stopped by its signal.", { cause: signal.reason });
    }
    const size = Math.min(batchSize, examples.count - start);
    const indices = Int32Array.from({ length: size }, (_, i) => start + i);
    const stream = random.fork(start);
    const batch = await examples.batch(indices, { epoch: 0, training: false, random: stream });
    batches.set(start / batchSize, { size, ...(await evaluateBatch(model, batch, stream)) });
  }
  return batches;
}

async function evaluateBatch<Batch, Aux>(
  model: TensorTrainable<Batch, Aux>,
  batch: Batch,
  random: Random,
): Promise<Omit<EvaluatedBatch, "size">> {
  let names: string[] = [];
  let weight: number | undefined;
  const stacked = tf.tidy(() => {
    const { total, metrics, targetWeight } = model.loss(batch, { training: false, random });
    names = ["loss", ...Object.keys(metrics)];
    weight = targetWeight;
    return stackMetrics([total, ...Object.values(metrics)]);
  });
  const values = await stacked.data();
  stacked.dispose();
  return { weight, metrics: new Map(names.map((name, i) => [name, values[i]!])) };
}

/** Means over all targets by their weights or, where the model does not count these, over all examples. */
function meanMetrics(batches: readonly EvaluatedBatch[]): Metrics {
  const counted = batches.filter(({ weight }) => weight !== 0);
  const [first] = counted;
  if (first === undefined) {
    throw new DataError("evaluateLoss: expected at least one target whose weight is above 0, got none.");
  }
  // Targets in units of the first batch's examples: the factors of equal examples are their numbers.
  const unit = first.weight && first.weight / first.size;
  const sums = new Map<string, number>();
  let total = 0;
  for (const { size, weight, metrics } of counted) {
    const factor = weight && unit ? weight / unit : size;
    total += factor;
    for (const [name, mean] of metrics) {
      sums.set(name, (sums.get(name) ?? 0) + mean * factor);
    }
  }
  return Object.fromEntries([...sums].map(([name, sum]) => [name, sum / total]));
}
