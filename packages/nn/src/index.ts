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
export { type OwnWeights, readForeignWeights, writeForeignWeights } from "./foreign-weights.js";
export { runFusedKernel } from "./fused-kernel.js";
export { type GeluOptions, gelu } from "./gelu.js";
export { glorotUniform, kaimingNormal, kaimingUniform, normal, uniform, variable } from "./initializers.js";
export { type LayerNormOptions, layerNorm } from "./layer-norm.js";
export { linear } from "./linear.js";
export { oneHot } from "./one-hot.js";
export { outsideTape, stopGradient } from "./outside-tape.js";
export { relu } from "./relu.js";
export { runsLoopsNatively, type ScanBody, type ScanResult, scan } from "./scan.js";
export { softmaxCrossEntropy } from "./softmax-cross-entropy.js";
export { type TensorTrainable, tensorsIn } from "./tensor-trainable.js";
export type { WeightNames } from "./weight-names.js";
export { assignSafetensors, convolutionFileLayout, type FileLayouts, weightsToSafetensors } from "./weights.js";
