import type { EpochRecord, StepRecord } from "./training-history.js";

/** What is known when a run starts or goes on. */
export interface RunDescription {
  /** Steps already taken, more than 0 on a resumed run. */
  readonly step: number;
  /** Steps in the whole run. */
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** Examples a step. */
  readonly batchSize: number;
}

/** How a run ended: all steps taken, no more progress, stopped by its signal, or an error (which `train` then throws). */
export type RunStatus = "completed" | "stopped-early" | "aborted" | "failed";

/** Told what happens in a run; each call is awaited, in the order of the list of observers. */
export interface TrainingObserver {
  onStart?(run: RunDescription): void | Promise<void>;
  /** After each step. */
  onStep?(record: StepRecord, run: RunDescription): void | Promise<void>;
  /** After each evaluation, the one before training included; with `weightAverage` the model holds the averaged weights. */
  onEpoch?(record: EpochRecord, run: RunDescription): void | Promise<void>;
  /** Once to each that was told of the start, whatever the end. */
  onEnd?(status: RunStatus, run: RunDescription): void | Promise<void>;
}
