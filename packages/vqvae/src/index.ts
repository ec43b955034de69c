export type {
  CompositionConfig,
  CompositionOptions,
  FigureGroundConfig,
  WholeImageConfig,
} from "./compositions/create-composition.js";
export type { ReconstructionHeadName } from "./compositions/reconstruction-head.js";
export type { LatentBatch } from "./model/batches.js";
export { originalDNames, type PyTorchOptions } from "./model/pytorch.js";
export { VqVae } from "./model/vq-vae.js";
export type { VqVaeConfig, VqVaeOptions } from "./model/vq-vae-config.js";
export { vqVaePresets } from "./model/vq-vae-config.js";
export type { ConvolutionalConfig } from "./networks/convolutional-network.js";
export type { NetworkConfig, NetworkOptions } from "./networks/create-network.js";
export type { DenseConfig } from "./networks/dense-network.js";
export type { CodebookConfig } from "./quantizers/codebook-config.js";
export type { QuantizerConfig, QuantizerOptions } from "./quantizers/create-quantizer.js";
export type { FsqConfig } from "./quantizers/finite-scalar-quantizer.js";
export type { GradientEstimatorName } from "./quantizers/gradient-estimator.js";
export type { LfqConfig } from "./quantizers/lookup-free-quantizer.js";
export type { ProductQuantizerConfig } from "./quantizers/product-quantizer.js";
export type { ResidualQuantizerConfig } from "./quantizers/residual-quantizer.js";
export type { VectorQuantizerConfig } from "./quantizers/vector-quantizer.js";
