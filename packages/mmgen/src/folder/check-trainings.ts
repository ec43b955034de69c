import { type EstimatedStage, estimateMemory, type MemoryEstimate } from "../stages/estimate-memory.js";
import { learningRateSchedule, type TrainingSettings, totalSteps } from "../stages/run-stage.js";
import { checkMemory, type MachineMemory } from "./check-memory.js";

/** A training as it is planned. */
export interface PlannedTraining<Batch> extends EstimatedStage<Batch, unknown> {
  readonly training: TrainingSettings;
  /** Examples that there will be to train on. */
  readonly count: number;
}

/**
 * Checks trainings that are to come one after the other before the first begins: batches, schedules, then the memory that
 * each would take.
 *
 * @param stages - By the name of the stage, each with an untrained model of its configuration; borrowed.
 * @param machine - Default: this one.
 * @returns A warning of one line where a stage takes more memory than is free now; else undefined.
 * @throws a `ConfigError` when a batch takes more examples than there are, a schedule cannot be, or a stage takes more
 *   memory than the machine has.
 */
export async function checkTrainings<Batches extends Readonly<Record<string, unknown>>>(
  stages: { readonly [Name in keyof Batches]: PlannedTraining<Batches[Name]> },
  machine?: MachineMemory,
): Promise<string | undefined> {
  const planned = Object.entries<PlannedTraining<never>>(stages as never);
  for (const [, { count, training }] of planned) {
    learningRateSchedule(training, totalSteps(training, count));
  }
  const estimates: Record<string, MemoryEstimate> = {};
  for (const [name, stage] of planned) {
    estimates[name] = await estimateMemory(stage);
  }
  return checkMemory(estimates, machine);
}
