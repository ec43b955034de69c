export { generate } from "./generate.js";
export type { GeneratedIds, GenerateOptions, Guidance } from "./generate-options.js";
export { rowSeeds } from "./row-seeds.js";
export { idProbabilities, type RowSamplingOptions, sampleId } from "./sample-id.js";
export type { SamplingOptions } from "./sampling-options.js";
