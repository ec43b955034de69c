export type { CachedStep, KeysAndValues } from "./decoding/cached-passes.js";
export { exportableGeneration, type GenerationOptions } from "./decoding/exportable-generation.js";
export { KeyValueCache } from "./decoding/key-value-cache.js";
export type { DiffusionTargets, DiffusionTensors } from "./diffusion/diffusion-tensors.js";
export { type AttentionWeights, attentionWeights } from "./model/attention-weights.js";
export type { TransformerAux, TransformerBatch, TransformerTensors } from "./model/target-losses.js";
export { TinyTransformer } from "./model/tiny-transformer.js";
export {
  type BackboneOptions,
  type BackbonePass,
  TransformerBackbone,
  type TransformerNetwork,
} from "./model/transformer-backbone.js";
export { type BlockPass, TransformerBlock } from "./model/transformer-block.js";
export {
  type GridOptions,
  resolveTransformer,
  type TransformerConfig,
  type TransformerOptions,
  transformerPresets,
} from "./model/transformer-config.js";
export { gpt2Names, nanoGptNames, type PyTorchOptions } from "./model/transformer-file.js";
export {
  type GenerationMemory,
  generationMemory,
  type ModelMemory,
  parameterCount,
  type TrainingMemory,
  trainingMemory,
} from "./model/transformer-memory.js";
