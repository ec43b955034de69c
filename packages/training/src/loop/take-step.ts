import type { ExampleOrder } from "../data/example-order.js";
import type { StepRecord } from "../observers/training-observer.js";
import { holdParts } from "./recorded-form.js";
import { DivergenceError } from "./run-errors.js";
import type { RunParts } from "./run-parts.js";
import type { TrainOptions } from "./train-options.js";
import type { ReadMetrics, StepMetrics } from "./training-step.js";

/**
 * Takes the step after `step` steps, on the whole batch or in parts, and reads its metrics. A step that fails changes
 * nothing: a backend that records first may fail when all variables already stand for what could not be computed.
 *
 * @throws a {@link DivergenceError} when its loss or gradient norm is not a finite number.
 */
export async function takeStep<Batch, Aux>(
  options: TrainOptions<Batch, Aux>,
  order: ExampleOrder,
  parts: RunParts<Batch, Aux>,
  step: number,
): Promise<StepRecord> {
  const held = holdParts(parts);
  try {
    return await stepRecord(options, order, parts, step);
  } catch (error) {
    for (const part of held) {
      part.restore();
    }
    throw error;
  } finally {
    for (const part of held) {
      part.dispose();
    }
  }
}

async function stepRecord<Batch, Aux>(
  options: TrainOptions<Batch, Aux>,
  order: ExampleOrder,
  { adversary, adversarySchedule, inParts, shared, whole }: RunParts<Batch, Aux>,
  step: number,
): Promise<StepRecord> {
  const { random, schedule, gradientAccumulation: parts = 1 } = options;
  const before = performance.now();
  const rates = { learningRate: schedule(step), adversaryRate: adversarySchedule?.(step) };
  const randomOf = (step: number) => random.fork("step").fork(step);
  const numbers = { ...rates, random: randomOf(step) };
  const batchOf = (part: number) => stepBatch(options, order, step, part);
  const { names, values, weight } = shared
    ? await shared.step({ ...numbers, batchOf })
    : inParts
      ? await inParts.step({ ...numbers, batchOf, parts })
      : await read(
          whole.step({ ...numbers, nextRandom: randomOf(step + 1), batch: await stepBatch(options, order, step) }),
        );
  const [loss, gradientNorm, ...metrics] = values;
  checkDivergence(step + 1, [loss!, gradientNorm!], adversary && [values.at(-2)!, values.at(-1)!]);
  return {
    step: step + 1,
    epoch: Math.floor(step / order.stepsPerEpoch) + 1,
    loss: loss!,
    gradientNorm: gradientNorm!,
    learningRate: Math.fround(numbers.learningRate),
    metrics: Object.fromEntries(names.slice(2).map((name, i) => [name, metrics[i]!])),
    seconds: Math.fround((performance.now() - before) / 1000),
    ...(weight !== undefined && { targetWeight: Math.fround(weight) }),
  };
}

type LossAndNorm = readonly [loss: number, gradientNorm: number];

/** @throws a {@link DivergenceError} that names the network whose loss or gradients are not finite, or both. */
function checkDivergence(step: number, model: LossAndNorm, adversary: LossAndNorm = [0, 0]): void {
  const areFinite = (numbers: LossAndNorm) => numbers.every(Number.isFinite);
  if (areFinite(model) && areFinite(adversary)) {
    return;
  }
  const describe = ([loss, gradientNorm]: LossAndNorm) => `loss ${loss}, gradient norm ${gradientNorm}`;
  const [who, what, option] = areFinite(adversary)
    ? ["", describe(model), "optimizer.clipNorm"]
    : areFinite(model)
      ? ["of the adversary ", describe(adversary), "adversary.optimizer.clipNorm"]
      : ["of both networks ", `${describe(model)}; adversary: ${describe(adversary)}`, "optimizer.clipNorm"];
  throw new DivergenceError(
    `Training ${who}diverged at step ${step}: ${what}. Lower the learning rate, clip gradients (${option}), or look for ` +
      "bad examples; then resume from an earlier checkpoint.",
    step,
  );
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

async function read({ names, values, weight }: StepMetrics): Promise<ReadMetrics> {
  try {
    return { names, values: [...(await values.data())], weight };
  } finally {
    values.dispose();
  }
}
