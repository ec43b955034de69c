import { modelVariables } from "../checkpoints/stored-variables.js";
import { RunGroup } from "../group/run-group.js";
import { runTransforms } from "./run-parts.js";
import { checkTrainOptions, runConfigurations, type TrainOptions } from "./train-options.js";
import { type TrainingResult, TrainingRun } from "./training-run.js";

/**
 * Trains a model: initialization on the first batch, an evaluation, then steps, with an evaluation after each epoch.
 *
 * Everything random is a function of `random`'s seed and the step, so a run stopped and resumed equals the
 * uninterrupted one bit for bit on the same backend. Each step reads once: all its metrics together.
 *
 * An error within the run leaves the model with the weights of its last good step, and writes the state that it had then
 * to `checkpoint`, but for a divergence.
 *
 * @throws a `ConfigError` when an option is unknown, out of range, or does not fit the others.
 * @throws a `CheckpointError` when `resume` is damaged, of another model, or of a run with other settings.
 * @throws a `DivergenceError` when a loss or gradient is NaN or infinite, naming the step; no state is written.
 * @throws an `OutOfMemoryError` when a step does not fit into memory; its `state` can be resumed from.
 * @throws an `ObserverError` naming the observer that failed; its `state` can be resumed from.
 * @throws a `PeerError` when another process of the `group` has failed; its `state` can be resumed from.
 */
export async function train<Batch, Aux = unknown>(options: TrainOptions<Batch, Aux>): Promise<TrainingResult> {
  checkTrainOptions(options);
  const group = new RunGroup(options);
  const run = await joinRun(options, group);
  try {
    return await run.train();
  } finally {
    run.dispose();
  }
}

/** A run that all processes of a group have begun in the same way. */
async function joinRun<Batch, Aux>(
  options: TrainOptions<Batch, Aux>,
  group: RunGroup,
): Promise<TrainingRun<Batch, Aux>> {
  if (group.isAlone) {
    return new TrainingRun(options, group);
  }
  try {
    await group.expectSame(describeRun(options));
    const resume = await group.share(options.resume);
    const { resume: _, ...others } = options;
    return new TrainingRun({ ...others, ...(resume && { resume }) }, group);
  } catch (error) {
    throw await group.fail(error, async (failure) => failure);
  }
}

/** What the processes of a run have in common. */
function describeRun<Batch, Aux>(options: TrainOptions<Batch, Aux>): string {
  const { epochs, model, random, runId, steps } = options;
  const shapes = [...modelVariables(model)].map(([name, { dtype, shape }]) => [name, dtype, shape]);
  const run = [epochs, steps, runId, random.save().key];
  return JSON.stringify([runConfigurations(options, runTransforms(options)), run, shapes]);
}
