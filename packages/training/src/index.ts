export { AdamW, type AdamWOptions } from "./adamw.js";
export { AttributeClassifier } from "./attribute-classifier.js";
export type {
  Attribute,
  AttributeClassifierConfig,
  AttributeClassifierOptions,
} from "./attribute-classifier-config.js";
export {
  type AttributeAgreement,
  type AttributeBatch,
  type AttributeLabels,
  attributeAgreement,
  attributeExamples,
  confusionCounts,
} from "./attribute-scores.js";
export { DivergenceError } from "./divergence-error.js";
export type { EarlyStopping } from "./early-stopping.js";
export { type EvaluateLossOptions, evaluateLoss } from "./evaluate-loss.js";
export { type EvaluateSequencesOptions, evaluateSequences, type SequenceBatch } from "./evaluate-sequences.js";
export { type BatchContext, type ExampleSource, imageExamples, tokenExamples } from "./example-source.js";
export { constantSchedule, cosineSchedule, type DecayOptions, linearSchedule, type Schedule } from "./schedules.js";
export {
  bitsPerPixel,
  type SequenceFigure,
  type SequenceFigures,
  type SequenceFiguresOptions,
  sequenceFigures,
} from "./sequence-figures.js";
export type { TensorTrainable } from "./tensor-trainable.js";
export { type EvaluationContext, type TrainingResult, type TrainOptions, train } from "./train.js";
export type { EpochRecord, Metrics, StepRecord, TrainingHistory } from "./training-history.js";
export type { RunDescription, RunStatus, TrainingObserver } from "./training-observer.js";
export type { Configuration } from "./training-state.js";
export type { WeightAverageOptions } from "./weight-average.js";
