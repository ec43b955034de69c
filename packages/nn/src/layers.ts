// The names of the index without the gradients: for pages and packages that only run models, and bundle less.
export { expectInt32, expectShape } from "./functions/expect-shape.js";
export { runFusedKernel } from "./functions/fused-kernel.js";
export { type GeluOptions, gelu } from "./functions/gelu.js";
export { leakyRelu } from "./functions/leaky-relu.js";
export { oneHot } from "./functions/one-hot.js";
export { relu } from "./functions/relu.js";
export { silu } from "./functions/silu.js";
export { softmaxCrossEntropy } from "./functions/softmax-cross-entropy.js";
export { type AttentionOptions, attention, causalAttention, causalMask } from "./layers/attention.js";
export { type BatchNormResult, batchNorm, batchNormInference } from "./layers/batch-norm.js";
export {
  type AttentionCache,
  type CachedAttentionOptions,
  type CachedAttentionResult,
  cachedAttention,
} from "./layers/cached-attention.js";
export { type ConvTranspose2dOptions, convTranspose2d } from "./layers/conv-transpose2d.js";
export { type Conv2dOptions, conv2d } from "./layers/conv2d.js";
export { type DropoutOptions, dropout, dropoutMask, droppedShare } from "./layers/dropout.js";
export { embedding } from "./layers/embedding.js";
export { type GroupNormOptions, groupNorm } from "./layers/group-norm.js";
export { type LayerNormOptions, layerNorm } from "./layers/layer-norm.js";
export { exportedRows, linear } from "./layers/linear.js";
export { type RmsNormOptions, rmsNorm } from "./layers/rms-norm.js";
export { type RotaryTable, type RotaryTable2dOptions, rotary, rotaryTable2d } from "./layers/rotary.js";
export { type SpectralNormOptions, type SpectralNormResult, spectralNorm } from "./layers/spectral-norm.js";
export { upsampleNearest } from "./layers/upsample-nearest.js";
export { upsampledConv2d } from "./layers/upsampled-conv2d.js";
export { BatchNorm2d, type BatchNorm2dOptions } from "./modules/batch-norm2d.js";
export type { LoadOptions } from "./modules/build-budget.js";
export {
  Convolution2d,
  type Convolution2dOptions,
  TransposedConvolution2d,
  type TransposedConvolution2dOptions,
} from "./modules/convolution2d.js";
export { Embedding, type EmbeddingOptions } from "./modules/embedding.js";
export { type ForwardPass, partStatistics, updateRunningStatistics } from "./modules/forward-pass.js";
export { GroupNorm, type GroupNormModuleOptions } from "./modules/group-norm.js";
export { LayerNorm, type LayerNormModuleOptions, RmsNorm, type RmsNormModuleOptions } from "./modules/layer-norm.js";
export { Linear, type LinearOptions } from "./modules/linear.js";
export { loadModel, type ModelFormat, resolveSaveOptions, type SaveOptions, saveModel } from "./modules/model-files.js";
export { Module } from "./modules/module.js";
export {
  type Initializer,
  Parameter,
  type ParameterOptions,
  type ParameterRole,
  type ParameterType,
} from "./modules/parameter.js";
export { type AttentionHeads, SelfAttention, type SelfAttentionOptions } from "./modules/self-attention.js";
export {
  type PartStatistics,
  type StepPart,
  type TensorTrainable,
  tensorsIn,
  type UploadedBatch,
} from "./modules/tensor-trainable.js";
export {
  type CompileOptions,
  compile,
  compilesFunctions,
  computesAtOnce,
  type FunctionTransforms,
  feedsTravel,
  groupsEqualShapes,
  readsSharedMemory,
  type TensorFunction,
} from "./transforms/compile.js";
export { type CustomGradient, customGradient, type GradientsOf } from "./transforms/custom-gradient.js";
export {
  type DrawnNumbers,
  type DrawnTensor,
  type DrawRecorder,
  drawnMask,
  drawnTensor,
  drawTensor,
  uploadKeys,
} from "./transforms/drawn-tensor.js";
export type { ExportableFunction } from "./transforms/exportable-function.js";
export { noGrad, stopGradient } from "./transforms/no-grad.js";
export { requireBackend } from "./transforms/require-backend.js";
export { runsLoopsNatively, type ScanBody, type ScanResult, scan } from "./transforms/scan.js";
export { tapedGradients } from "./transforms/taped-gradients.js";
export { unpackBytes, uploadBytes } from "./transforms/upload-bytes.js";
export { uploadOwned } from "./transforms/upload-owned.js";
export { copyWeights } from "./weights/copy-weights.js";
export {
  filled,
  glorotUniform,
  kaimingNormal,
  kaimingUniform,
  normal,
  uniform,
  variable,
} from "./weights/initializers.js";
export { type SavedDtype, savedDtypes } from "./weights/saved-dtype.js";
export { exportStateDict, importStateDict, type OwnWeights } from "./weights/state-dict.js";
export {
  assignSafetensors,
  convolutionFileLayout,
  type FileLayouts,
  weightsToSafetensors,
} from "./weights/stored-weights.js";
export type { WeightNames } from "./weights/weight-names.js";
