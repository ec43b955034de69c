export type { Configuration } from "./checkpoints/compare-configurations.js";
export type { Held } from "./checkpoints/held-values.js";
export { type AugmentedImagesOptions, augmentedImages, type ImageExamples } from "./data/augmented-images.js";
export { imageExamples, tokenExamples, type WindowExamplesOptions, windowExamples } from "./data/example-source.js";
export { type ExportableParts, type ExportablePartsOptions, exportableStepParts } from "./group/exportable-parts.js";
export { type EarlyStopping, earlyStoppingSchema } from "./loop/early-stopping.js";
export { type EvaluateLossOptions, evaluateLoss } from "./loop/evaluate-loss.js";
export { type ExportableStepOptions, exportableState, exportableTrainingStep } from "./loop/exportable-step.js";
export type { LossOfTensors } from "./loop/recorded-step.js";
export {
  DivergenceError,
  type EndedRunOptions,
  ObserverError,
  OutOfMemoryError,
  PeerError,
} from "./loop/run-errors.js";
export { train } from "./loop/train.js";
export type { AdversaryOptions, CheckpointOptions, EvaluationContext, TrainOptions } from "./loop/train-options.js";
export type { TrainingResult } from "./loop/training-run.js";
export type {
  EpochRecord,
  Metrics,
  RunDescription,
  RunStatus,
  StepRecord,
  TrainingHistory,
  TrainingObserver,
} from "./observers/training-observer.js";
export { type AdamWOptions, adamW } from "./optimizers/adamw.js";
export { clipByGlobalNorm } from "./optimizers/clip-by-global-norm.js";
export { type MuonOptions, muon } from "./optimizers/muon.js";
export { Optimizer } from "./optimizers/optimizer.js";
export {
  addDecayedWeights,
  type DecayedWeightsOptions,
  type PerVariable,
  scale,
  scaleBySchedule,
} from "./optimizers/scale.js";
export { type AdamOptions, scaleByAdam } from "./optimizers/scale-by-adam.js";
export { type MuonMomentumOptions, scaleByMuon } from "./optimizers/scale-by-muon.js";
export {
  constantSchedule,
  cosineSchedule,
  type DecayOptions,
  linearSchedule,
  type Schedule,
} from "./optimizers/schedules.js";
export {
  chain,
  type GradientTransform,
  partition,
  type TransformContext,
  type TransformResult,
  type Update,
  type Updates,
  type Variables,
} from "./optimizers/transform.js";
export { type WeightAverageOptions, weightAverageSchema } from "./optimizers/weight-average.js";
