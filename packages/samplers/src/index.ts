export { generate } from "./autoregressive/generate.js";
export type { GeneratedIds, GenerateOptions, Guidance } from "./autoregressive/generate-options.js";
export { type InpaintedIds, inpaint } from "./autoregressive/inpaint.js";
export type { InpaintOptions } from "./autoregressive/inpaint-options.js";
export { denoise } from "./denoising/denoise.js";
export type { DenoisedRound, DenoiseOptions } from "./denoising/denoise-options.js";
export {
  type DiffusionSamplerConfig,
  type DiffusionSamplerOptions,
  resolveDiffusionSampler,
} from "./denoising/diffusion-samplers.js";
export { type CorruptionOptions, corruptBatch } from "./diffusion/corrupt-batch.js";
export type { CorruptedBatch } from "./diffusion/corruptions.js";
export { type DiffusionBoundOptions, diffusionBound } from "./diffusion/diffusion-bound.js";
export { type KernelConfig, type KernelOptions, resolveKernel } from "./diffusion/kernels.js";
export {
  type GuidanceRamp,
  type GuidanceScale,
  guidanceScaleSchema,
  guidanceScales,
} from "./guidance/guidance-scales.js";
export { rowSeeds } from "./processors/row-seeds.js";
export { idProbabilities, type RowSamplingOptions, sampleId } from "./processors/sample-id.js";
export { type SamplingOptions, samplingEntries } from "./processors/sampling-options.js";
