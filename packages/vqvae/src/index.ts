export {
  type AdversarialConfig,
  type AdversarialOptions,
  type AdversarialParts,
  resolveAdversarial,
} from "./adversarial/adversarial-config.js";
export {
  featureMatchingLoss,
  hingeLoss,
  lecamLoss,
  type Scores,
} from "./adversarial/adversarial-losses.js";
export { type AdversarialTensors, AdversarialVqVae } from "./adversarial/adversarial-vq-vae.js";
export { Adversary, type AdversaryOutput } from "./adversarial/adversary.js";
export { type AugmentationName, drawAugmentation, type ImageChange } from "./adversarial/augmentation.js";
export type { DiscriminatorConvolution } from "./adversarial/discriminator-convolution.js";
export {
  type DiscriminatorLayer,
  type DiscriminatorOutput,
  PatchDiscriminator,
  type PatchDiscriminatorConfig,
  type PatchDiscriminatorOptions,
} from "./adversarial/patch-discriminator.js";
export type { ImageFeatures, PerceptualConfig, PerceptualOptions } from "./adversarial/perceptual-features.js";
export { type KMeansOptions, kMeans } from "./codebooks/k-means.js";
export type { CompositionConfig, CompositionOptions } from "./compositions/create-composition.js";
export type { FigureGroundConfig, FigureGroundOptions } from "./compositions/figure-ground.js";
export type { ReconstructionHeadName } from "./compositions/reconstruction-head.js";
export type { ImageShape, LatentBatch } from "./model/batches.js";
export { VqVae } from "./model/vq-vae.js";
export {
  mnistVlmNames,
  type PyTorchOptions,
  resolveVqVae,
  type VqVaeConfig,
  type VqVaeOptions,
  vqVaePresets,
} from "./model/vq-vae-config.js";
export type { ReconstructedImages, ReconstructionCriterion, VqVaeLossOptions } from "./model/vq-vae-loss.js";
export type { ConvolutionalConfig, ConvolutionalOptions } from "./networks/convolutional-config.js";
export type { NetworkConfig, NetworkOptions } from "./networks/create-network.js";
export type { DenseConfig, DenseOptions } from "./networks/dense-network.js";
export type { Grid, Network } from "./networks/network.js";
export type { QuantizerConfig, QuantizerOptions } from "./quantizers/create-quantizer.js";
