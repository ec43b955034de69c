import { arcTangent2 } from "./arc-tangent.js";
import { binaryKernels } from "./binary.js";
import { blockKernels } from "./blocks.js";
import { cachedAttention } from "./cached-attention.js";
import { complexKernels } from "./complex.js";
import { convolutionKernels } from "./convolution.js";
import { counterMask } from "./counter-mask.js";
import { creationKernels } from "./creation.js";
import { cropAndResize } from "./crop-and-resize.js";
import { depthwiseConvolutionKernels } from "./depthwise-convolution.js";
import { dilationKernels } from "./dilation.js";
import { einsum } from "./einsum.js";
import { fourierKernels } from "./fourier.js";
import { gelu, geluGrad } from "./gelu.js";
import { groupNorm, groupNormGrad } from "./group-norm.js";
import { gumbelNoise } from "./gumbel-noise.js";
import { indexingKernels } from "./indexing.js";
import type { DataKernel, NativeKernel } from "./kernel.js";
import { localResponseKernels } from "./local-response.js";
import { matMulKernels } from "./mat-mul.js";
import { movementKernels } from "./movement.js";
import { normalizationKernels } from "./normalization.js";
import { poolingKernels } from "./pooling.js";
import { poolingGradientKernels } from "./pooling-gradients.js";
import { reductionKernels } from "./reductions.js";
import { resizeKernels } from "./resize.js";
import { scanKernels } from "./scans.js";
import { scatterKernels } from "./scatter.js";
import { sequenceKernels } from "./sequences.js";
import { silu } from "./silu.js";
import { softmaxKernels } from "./softmax.js";
import { sortingKernels } from "./sorting.js";
import { unaryKernels } from "./unary.js";
import { unpackBytes } from "./unpack-bytes.js";

/** Every kernel with an ONNX version. To add one, write it in a file of this folder and list it here. */
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
  ...poolingGradientKernels,
  ...resizeKernels,
  ...scanKernels,
  ...sortingKernels,
  ...scatterKernels,
  ...sequenceKernels,
  ...blockKernels,
  ...localResponseKernels,
  ...dilationKernels,
  ...complexKernels,
  ...fourierKernels,
  ...normalizationKernels,
  arcTangent2,
  cachedAttention,
  cropAndResize,
  einsum,
  gelu,
  geluGrad,
  groupNorm,
  groupNormGrad,
  silu,
  counterMask,
  gumbelNoise,
  unpackBytes,
];
