// Registers the gradients of ordinary operations: a user of a layer should not have to know that tfjs-core has none.
import "@mmgen/nn/gradients";

export { type AttentionOptions, attention, causalAttention, causalMask } from "./attention.js";
export { type BatchNormResult, batchNorm, batchNormInference } from "./batch-norm.js";
export { compile, type FunctionTransforms, type TensorFunction } from "./compile.js";
export { type ConvTranspose2dOptions, convTranspose2d } from "./conv-transpose2d.js";
export { type Conv2dOptions, conv2d } from "./conv2d.js";
export { type DropoutOptions, dropout, keptMask } from "./dropout.js";
export { embedding } from "./embedding.js";
export { expectInt32, expectShape } from "./expect-shape.js";
export { exportStateDict, importStateDict, type OwnWeights } from "./foreign-weights.js";
export { runFusedKernel } from "./fused-kernel.js";
export { type GeluOptions, gelu } from "./gelu.js";
export { filled, glorotUniform, kaimingNormal, kaimingUniform, normal, uniform, variable } from "./initializers.js";
export { type LayerNormOptions, layerNorm } from "./layer-norm.js";
export { linear } from "./linear.js";
export { BatchNorm2d, type BatchNorm2dOptions } from "./modules/batch-norm2d.js";
export { Convolution2d, type Convolution2dOptions } from "./modules/convolution2d.js";
export { Embedding, type EmbeddingOptions } from "./modules/embedding.js";
export { type ForwardPass, updateRunningStatistics } from "./modules/forward-pass.js";
export { LayerNorm, type LayerNormModuleOptions } from "./modules/layer-norm.js";
export { Linear, type LinearOptions } from "./modules/linear.js";
export { loadModel, type ModelFormat, saveModel } from "./modules/model-files.js";
export { Module } from "./modules/module.js";
export {
  type Initializer,
  Parameter,
  type ParameterOptions,
  type ParameterRole,
  type ParameterType,
} from "./modules/parameter.js";
export { type AttentionHeads, SelfAttention, type SelfAttentionOptions } from "./modules/self-attention.js";
export { TransposedConvolution2d } from "./modules/transposed-convolution2d.js";
export { oneHot } from "./one-hot.js";
export { outsideTape, stopGradient } from "./outside-tape.js";
export { relu } from "./relu.js";
export { runsLoopsNatively, type ScanBody, type ScanResult, scan } from "./scan.js";
export { softmaxCrossEntropy } from "./softmax-cross-entropy.js";
export { type TensorTrainable, tensorsIn } from "./tensor-trainable.js";
export type { WeightNames } from "./weight-names.js";
export { assignSafetensors, convolutionFileLayout, type FileLayouts, weightsToSafetensors } from "./weights.js";
