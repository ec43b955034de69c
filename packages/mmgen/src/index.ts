export type { Continuing, FrozenPart, KnownModel } from "./continuing/known-model.js";
export {
  type DenoisingModels,
  type DenoisingOptions,
  denoiseCaptions,
  denoiseCompletions,
  denoiseImages,
  denoisePairs,
} from "./diffusion/denoise-pairs.js";
export {
  type DiffusionModels,
  heldOutBounds,
  type LikelihoodBound,
  type PairBound,
  scoreBounds,
} from "./diffusion/diffusion-bounds.js";
export { type DiffusionExamplesOptions, diffusionExamples } from "./diffusion/diffusion-examples.js";
export {
  type DiffusionConfig,
  type DiffusionOptions,
  type DiffusionSettings,
  type DiffusionTask,
  type DiffusionTasks,
  type ModelFamily,
  modelFamilies,
  resolveDiffusion,
  type SequenceParts,
  type TaskShares,
} from "./diffusion/diffusion-options.js";
export { type CaptionBeginnings, type NextWord, nextWords } from "./inspection/next-words.js";
export { codeUsage, type ImageCodecMetrics, imageCodecMetrics } from "./metrics/image-codec-metrics.js";
export {
  type CompletionVerdicts,
  type JudgeCompletionsOptions,
  judgeCompletions,
} from "./metrics/judge-completions.js";
export {
  type HeldOutMetrics,
  heldOutMetrics,
  type OrderLikelihood,
  orderMetrics,
  type PairLikelihood,
  type ScoredPairs,
  type ScoreOptions,
  scorePairs,
} from "./metrics/score-pairs.js";
export type { CaptionedImageSet, ImageClasses, ImageSet } from "./model/image-text.js";
export type { CountOptions } from "./model/method-arguments.js";
export type { ModelDescription } from "./model/model-description.js";
export type { ModelConfig, ModelOptions, SequenceOptions } from "./model/model-options.js";
export {
  checkRunId,
  checkSizes,
  loadModelParts,
  loadSequenceModels,
  type ModelParts,
  modelFiles,
  type ReadModelFile,
  runIdOf,
  type SequenceModels,
  tokenizerFile,
} from "./model/model-parts.js";
export { MultimodalModel, type MultimodalModelConfig } from "./model/multimodal-model.js";
export {
  type FamilyParts,
  type ModelGenerationOptions,
  type PairMethods,
  type PairScore,
  pairMethods,
} from "./model/pair-methods.js";
export {
  type ModelPreset,
  mmgenPresets,
  type PresetName,
  type RealImageStages,
  usualRefinement,
} from "./model/presets.js";
export { modelPartFiles, type SaveModelOptions } from "./model/saved-files.js";
export type { MemoryEstimates, ModelHistory } from "./model/train-model.js";
export {
  type CheckpointStore,
  type PartsInTraining,
  type StageName,
  type TrainOptions,
  trainingFiles,
} from "./model/train-options.js";
export {
  type HeldOutOptions,
  heldOutEvaluation,
  type SequenceConfig,
  type SequenceSource,
  trainingSequences,
} from "./model/training-sequences.js";
export type { CachedModels } from "./published/cache-contents.js";
export {
  type CachedModelsOptions,
  type ClearCachedModelsOptions,
  clearCachedModels,
  listCachedModels,
} from "./published/cached-models.js";
export { type LoadUrlOptions, loadUrl } from "./published/load-url.js";
export type { ModelCache } from "./published/model-cache.js";
export { completePairs } from "./sampling/complete-pairs.js";
export type { Completion } from "./sampling/completion-prompt.js";
export type { CandidateOptions } from "./sampling/draw-likeliest.js";
export {
  captionCodes,
  captionImages,
  completeSequences,
  drawImages,
  type GenerationOptions,
  inventPairs,
  type Pairs,
} from "./sampling/generate-pairs.js";
export type { Kept } from "./sampling/kept-codes.js";
export type { OnRound, PairsRound } from "./sampling/pairs-round.js";
export type { KnownTransformer } from "./stages/continue-transformer.js";
export { type EstimatedStage, estimateMemory, type MemoryEstimate } from "./stages/estimate-memory.js";
export { type ImageKinds, type ImageKindsOptions, imageKinds, spreadLabels } from "./stages/image-kinds.js";
export {
  type EstimateRefinementOptions,
  estimateRefinement,
  type RefinementSettings,
  type RefinementStage,
  type RefineVqVaeOptions,
  refineVqVae,
} from "./stages/refine-vqvae.js";
export {
  learningRateSchedule,
  type StageCheckpoint,
  type StageObservers,
  type StageOptions,
  type TrainingSettings,
  totalSteps,
} from "./stages/run-stage.js";
export { sharedCodes } from "./stages/stored-codes.js";
export { type TrainAttributeClassifierOptions, trainAttributeClassifier } from "./stages/train-attribute-classifier.js";
export {
  type KeptSteps,
  type TrainTransformerOptions,
  type TransformerOptions,
  type TransformerTraining,
  trainTransformer,
  transformerConfig,
} from "./stages/train-transformer.js";
export { type TrainVqVaeOptions, trainVqVae, type VqVaeTraining } from "./stages/train-vqvae.js";
export {
  type CodedPairs,
  drawOrders,
  firstPairs,
  type MixedOrderOptions,
  mixedOrderExamples,
  orderedExamples,
  orderedSequences,
} from "./stages/training-examples.js";
