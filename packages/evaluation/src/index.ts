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
export { CodeUsage } from "./code-usage.js";
export { type EvaluateSequencesOptions, evaluateSequences, type SequenceBatch } from "./evaluate-sequences.js";
export { type ReconstructionMetrics, reconstructionMetrics } from "./reconstruction-metrics.js";
export {
  bitsPerPixel,
  type SequenceMetric,
  type SequenceMetrics,
  type SequenceMetricsOptions,
  sequenceMetrics,
} from "./sequence-metrics.js";
