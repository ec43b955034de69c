import type { TrainingParts } from "../checkpoints/training-state.js";
import type { ExampleOrder } from "../data/example-order.js";
import type { StepRecord } from "../observers/training-history.js";
import { accumulatedStep } from "./accumulated-step.js";
import { DivergenceError } from "./divergence-error.js";
import type { TrainOptions } from "./train.js";
import { trainingStep } from "./training-step.js";

/**
 * Takes the step after `step` steps, in one piece or in parts, and reads what it came to.
 *
 * @throws a {@link DivergenceError} when its loss or gradient is no number.
 */
export async function takeStep<Batch, Aux>(
  options: TrainOptions<Batch, Aux>,
  order: ExampleOrder,
  { optimizer, average }: TrainingParts,
  step: number,
): Promise<StepRecord> {
  const { model, random, schedule, gradientAccumulation: parts = 1 } = options;
  const before = performance.now();
  const learningRate = schedule(step);
  const context = { model, optimizer, average, learningRate, random: random.fork("step").fork(step) };
  const { names, values } =
    parts > 1
      ? await accumulatedStep({ ...context, parts, batchOf: (part) => stepBatch(options, order, step, part) })
      : await wholeStep({ ...context, batch: await stepBatch(options, order, step) });
  const [loss, gradientNorm, ...figures] = values;
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
    throw new DivergenceError(
      `Training diverged at step ${step + 1}: loss ${loss}, gradient norm ${gradientNorm}. ` +
        "Lower the learning rate, clip gradients (optimizer.clipNorm), or look for bad examples; then go on from an earlier checkpoint.",
      step + 1,
    );
  }
  return {
    step: step + 1,
    epoch: Math.floor(step / order.stepsPerEpoch) + 1,
    loss: loss!,
    gradientNorm: gradientNorm!,
    learningRate: Math.fround(learningRate),
    metrics: Object.fromEntries(names.slice(2).map((name, i) => [name, figures[i]!])),
    seconds: Math.fround((performance.now() - before) / 1000),
  };
}

/** The batch of the step after `step` steps, or one of its equal parts. */
export async function stepBatch<Batch, Aux>(
  options: TrainOptions<Batch, Aux>,
  order: ExampleOrder,
  step: number,
  part?: number,
): Promise<Batch> {
  const { examples, random, batchSize, gradientAccumulation: parts = 1 } = options;
  const epoch = Math.floor(step / order.stepsPerEpoch);
  const stream = random.fork("batch").fork(step);
  const indices = order.indices(step);
  if (part === undefined) {
    return examples.batch(indices, { epoch, training: true, random: stream });
  }
  const size = batchSize / parts;
  const ofPart = indices.slice(part * size, (part + 1) * size);
  return examples.batch(ofPart, { epoch, training: true, random: stream.fork(part) });
}

async function wholeStep<Batch, Aux>(
  options: Parameters<typeof trainingStep<Batch, Aux>>[0],
): Promise<{ names: readonly string[]; values: readonly number[] }> {
  const figures = trainingStep(options);
  const values = await figures.values.data();
  figures.values.dispose();
  return { names: figures.names, values: [...values] };
}
