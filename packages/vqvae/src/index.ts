export { CodeUsage } from "./code-usage.js";
export type {
  CompositionConfig,
  CompositionOptions,
  FigureGroundConfig,
  WholeImageConfig,
} from "./composition-config.js";
export { type VqVaeConfig, type VqVaeOptions, vqVaePresets } from "./config.js";
export type { ConvolutionalConfig } from "./convolutional-config.js";
export { type ReconstructionFigures, reconstructionFigures } from "./reconstruction-figures.js";
export type { ReconstructionHeadName } from "./reconstruction-head.js";
export type { VectorQuantizerConfig } from "./vector-quantizer-config.js";
export { VqVae } from "./vq-vae.js";
