export type { CachedStep } from "./compiled-step.js";
export { KeyValueCache } from "./key-value-cache.js";
export { type GenerationMemory, generationMemory, type TrainingMemory, trainingMemory } from "./memory.js";
export { type TransformerPreset, transformerPreset } from "./presets.js";
export { gpt2Names, nanoGptNames, type PyTorchOptions } from "./pytorch.js";
export type { TransformerBatch } from "./target-losses.js";
export { TinyTransformer, type TransformerAux } from "./tiny-transformer.js";
export type { TransformerConfig, TransformerOptions } from "./transformer-config.js";
export { parameterCount } from "./weight-plan.js";
