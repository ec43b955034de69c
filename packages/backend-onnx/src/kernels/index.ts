import { batchNorm } from "./batch-norm.js";
import { binaryKernels } from "./binary.js";
import { convolutionKernels } from "./convolution.js";
import { creationKernels } from "./creation.js";
import { depthwiseConvolutionKernels } from "./depthwise-convolution.js";
import { gelu, geluGrad } from "./gelu.js";
import { indexingKernels } from "./indexing.js";
import type { DataKernel, NativeKernel } from "./kernel.js";
import { layerNorm, layerNormGrad } from "./layer-norm.js";
import { matMulKernels } from "./mat-mul.js";
import { movementKernels } from "./movement.js";
import { poolingKernels } from "./pooling.js";
import { reductionKernels } from "./reductions.js";
import { softmaxKernels } from "./softmax.js";
import { softmaxCrossEntropy, softmaxCrossEntropyGrad } from "./softmax-cross-entropy.js";
import { unaryKernels } from "./unary.js";

/** Every kernel that records nodes. To add one, write it in a file beside this one and list it here. */
export const nativeKernels: readonly (NativeKernel | DataKernel)[] = [
  ...unaryKernels,
  ...binaryKernels,
  ...reductionKernels,
  ...softmaxKernels,
  ...matMulKernels,
  ...movementKernels,
  ...indexingKernels,
  ...creationKernels,
  ...convolutionKernels,
  ...depthwiseConvolutionKernels,
  ...poolingKernels,
  batchNorm,
  layerNorm,
  layerNormGrad,
  gelu,
  geluGrad,
  softmaxCrossEntropy,
  softmaxCrossEntropyGrad,
];
