export {
  type CodeBatch,
  checkCodeBatch,
  checkImageBatch,
  checkTokenBatch,
  gatherImages,
  type ImageBatch,
  sliceImages,
  type TokenBatch,
} from "./batches.js";
export { type CodeLayout, checkCodeLayout, type PalettePlace } from "./code-layout.js";
export type {
  BatchContext,
  DecodePlan,
  Denoiser,
  ExampleSource,
  Grammar,
  ImageCodec,
  LossOptions,
  LossResult,
  SequenceDecoding,
  SequenceModel,
  Trainable,
} from "./contracts.js";
export {
  AbortedError,
  CheckpointError,
  ConfigError,
  DataError,
  GrammarError,
  KernelError,
  MmgenError,
  ShapeError,
  VocabularyError,
} from "./errors.js";
export {
  type LegacyHeader,
  type ModelFile,
  type ReadModelFileOptions,
  readModelFile,
  writeModelFile,
} from "./files/model-file.js";
export { readSafetensors, type SafetensorsContent, type StoredTensor, writeSafetensors } from "./files/safetensors.js";
export { gumbelDraws, gumbelNoise, gumbelOfDraw } from "./gumbel-noise.js";
export { nearestWords } from "./nearest-words.js";
export {
  checkNumber,
  checkOneOf,
  checkWholeNumber,
  type NumberRange,
  type WholeNumberRange,
} from "./options/checks.js";
export { describeValue } from "./options/describe-value.js";
export { Random, type RandomState } from "./random.js";
