import { CompiledAccumulation } from "../accumulation/compiled-accumulation.js";
import { AveragedBuffers } from "../checkpoints/averaged-buffers.js";
import { BestWeights } from "../checkpoints/best-weights.js";
import type { TrainingParts } from "../checkpoints/training-state.js";
import type { RunGroup } from "../group/run-group.js";
import { SharedStep } from "../group/shared-step.js";
import { toTransform } from "../optimizers/adamw.js";
import { Optimizer } from "../optimizers/optimizer.js";
import type { Schedule } from "../optimizers/schedules.js";
import { WeightAverage } from "../optimizers/weight-average.js";
import { CompiledStep } from "./compiled-step.js";
import type { RunTransforms, TrainOptions } from "./train-options.js";

/** The parts of a run that hold tensors, and its steps on whole batches. */
export interface RunParts<Batch, Aux> extends TrainingParts {
  readonly whole: CompiledStep<Batch, Aux>;
  /** Its steps on batches in parts, one after the other. */
  readonly inParts: CompiledAccumulation<Batch, Aux> | undefined;
  /** Its steps in parts that are added up with those of other processes. */
  readonly shared: SharedStep<Batch, Aux> | undefined;
  /** The adversary's learning rate; absent where it is the model's. */
  readonly adversarySchedule: Schedule | undefined;
}

/**
 * The optimizers that a run's options ask for.
 *
 * @throws a `ConfigError` when an option of theirs is unknown or out of range.
 */
export function runTransforms<Batch, Aux>({ adversary, model, optimizer }: TrainOptions<Batch, Aux>): RunTransforms {
  return {
    optimizer: toTransform(optimizer),
    adversary: model.adversary && toTransform(adversary?.optimizer, "adversary.optimizer"),
  };
}

/** Makes the parts of a run; dispose them with {@link disposeParts}. */
export function createParts<Batch, Aux>(
  { adversary, batchStatistics, earlyStopping, model, weightAverage }: TrainOptions<Batch, Aux>,
  transforms: RunTransforms,
  group: RunGroup,
): RunParts<Batch, Aux> {
  const stepped = {
    model,
    optimizer: Optimizer.create(model.parameters, transforms.optimizer),
    adversary: model.adversary && Optimizer.create(model.adversary.parameters, transforms.adversary!),
    average: weightAverage && new WeightAverage(model.parameters, weightAverage),
  };
  return {
    ...stepped,
    whole: new CompiledStep(stepped),
    inParts: group.isAlone && group.parts > 1 ? new CompiledAccumulation(stepped) : undefined,
    shared: group.isAlone ? undefined : new SharedStep(stepped, group, batchStatistics),
    adversarySchedule: adversary?.schedule,
    buffers: weightAverage && model.afterStep && model.buffers.size > 0 ? new AveragedBuffers(model) : undefined,
    best: (earlyStopping?.restoreBest ?? earlyStopping !== undefined) ? new BestWeights() : undefined,
  };
}

/** Frees what the parts hold but the model, which is borrowed. */
export function disposeParts<Batch, Aux>({
  adversary,
  average,
  buffers,
  inParts,
  optimizer,
  whole,
}: RunParts<Batch, Aux>): void {
  for (const part of [whole, inParts, optimizer, adversary, average, buffers]) {
    part?.dispose();
  }
}
