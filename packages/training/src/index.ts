export type { Configuration } from "./checkpoints/training-state.js";
export { imageExamples, tokenExamples } from "./data/example-source.js";
export { DivergenceError } from "./loop/divergence-error.js";
export type { EarlyStopping } from "./loop/early-stopping.js";
export { type EvaluateLossOptions, evaluateLoss } from "./loop/evaluate-loss.js";
export { type EvaluationContext, type TrainingResult, type TrainOptions, train } from "./loop/train.js";
export type { EpochRecord, Metrics, StepRecord, TrainingHistory } from "./observers/training-history.js";
export type { RunDescription, RunStatus, TrainingObserver } from "./observers/training-observer.js";
export { AdamW, type AdamWOptions } from "./optimizers/adamw.js";
export {
  constantSchedule,
  cosineSchedule,
  type DecayOptions,
  linearSchedule,
  type Schedule,
} from "./optimizers/schedules.js";
export type { WeightAverageOptions } from "./optimizers/weight-average.js";
