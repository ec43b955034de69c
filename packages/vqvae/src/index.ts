export type { CodebookConfig } from "./codebook-config.js";
export type {
  CompositionConfig,
  CompositionOptions,
  FigureGroundConfig,
  WholeImageConfig,
} from "./composition-config.js";
export type { VqVaeConfig, VqVaeOptions } from "./config.js";
export type { ConvolutionalConfig } from "./convolutional-config.js";
export type { DenseConfig } from "./dense-config.js";
export type { FsqConfig } from "./fsq-config.js";
export type { GradientEstimatorName } from "./gradient-estimator.js";
export type { LatentBatch } from "./latent-batch.js";
export type { LfqConfig } from "./lfq-config.js";
export type { NetworkConfig, NetworkOptions } from "./network-config.js";
export { vqVaePresets } from "./presets.js";
export type { ProductQuantizerConfig } from "./product-quantizer-config.js";
export { originalDNames, type PyTorchOptions } from "./pytorch.js";
export type { QuantizerConfig, QuantizerOptions } from "./quantizer-config.js";
export type { ReconstructionHeadName } from "./reconstruction-head.js";
export type { ResidualQuantizerConfig } from "./residual-quantizer-config.js";
export type { VectorQuantizerConfig } from "./vector-quantizer-config.js";
export { VqVae } from "./vq-vae.js";
