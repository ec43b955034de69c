export { AttributeClassifier } from "./classifier/attribute-classifier.js";
export type { AttributeNetwork } from "./classifier/attribute-network.js";
export {
  type AttributeAgreement,
  type AttributeBatch,
  type AttributeLabels,
  attributeAgreement,
  attributeExamples,
  confusionCounts,
} from "./classifier/attribute-scores.js";
export {
  type AttributeScore,
  type AttributeScores,
  attributeScores,
  tableLabels,
} from "./classifier/attribute-tables.js";
export type {
  Attribute,
  AttributeClassifierConfig,
  AttributeClassifierOptions,
} from "./classifier/classifier-config.js";
export { type CopyCheckOptions, type CopyVerdict, copyCheck } from "./images/copy-check.js";
export type { FeatureOptions } from "./images/features.js";
export { frechetDistance } from "./images/frechet-distance.js";
export type { ImageComparison } from "./images/image-rows.js";
export {
  type NearestImages,
  type NearestImagesOptions,
  nearestImages,
  type Reconstruct,
} from "./images/nearest-images.js";
export { type PrecisionRecall, type PrecisionRecallOptions, precisionAndRecall } from "./images/precision-recall.js";
export { psnr } from "./images/psnr.js";
export { type SsimOptions, ssim } from "./images/ssim.js";
export {
  type TwoKinds,
  type TwoSampleResult,
  type TwoSampleTestOptions,
  twoSampleTest,
} from "./images/two-sample-test.js";
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
