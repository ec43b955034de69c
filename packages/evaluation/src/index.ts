export type {
  Attribute,
  AttributeClassifierConfig,
  AttributeClassifierOptions,
} from "./classifier/attribute-classifier.js";
export { AttributeClassifier } from "./classifier/attribute-classifier.js";
export {
  type AttributeAgreement,
  type AttributeBatch,
  type AttributeLabels,
  attributeAgreement,
  attributeExamples,
  confusionCounts,
} from "./classifier/attribute-scores.js";
export { CodeUsage } from "./metrics/code-usage.js";
export { type EvaluateSequencesOptions, evaluateSequences, type SequenceBatch } from "./metrics/evaluate-sequences.js";
export { type ReconstructionMetrics, reconstructionMetrics } from "./metrics/reconstruction-metrics.js";
export {
  bitsPerPixel,
  type SequenceMetric,
  type SequenceMetrics,
  type SequenceMetricsOptions,
  sequenceMetrics,
} from "./metrics/sequence-metrics.js";
