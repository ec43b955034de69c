import { checkTrainOptions, type TrainOptions } from "./train-options.js";
import { type TrainingResult, TrainingRun } from "./training-run.js";

/**
 * Trains a model: initialization on the first batch, an evaluation, then steps, with an evaluation after each epoch.
 *
 * Everything random is a function of `random`'s seed and the step, so a run stopped and resumed equals the
 * uninterrupted one bit for bit on the same backend. Each step reads once: all its metrics together.
 *
 * An error within the run leaves the model with the weights of its last good step, and writes the state that it had then
 * to `checkpoint`.
 *
 * @throws a `ConfigError` when an option is unknown, out of range, or does not fit the others.
 * @throws a `CheckpointError` when `resume` is damaged, of another model, or of a run with other settings.
 * @throws a `DivergenceError` when a loss or gradient is NaN or infinite, naming the step; no state is written.
 * @throws an `OutOfMemoryError` when a step does not fit into memory; its `state` can be resumed from.
 * @throws an `ObserverError` naming the observer that failed; its `state` can be resumed from.
 */
export async function train<Batch, Aux = unknown>(options: TrainOptions<Batch, Aux>): Promise<TrainingResult> {
  checkTrainOptions(options);
  const run = new TrainingRun(options);
  try {
    return await run.train();
  } finally {
    run.dispose();
  }
}
