export { type AttributeTable, checkAttributeTable, gatherAttributes } from "./contracts/attribute-table.js";
export {
  type CodeBatch,
  checkCodeBatch,
  checkImageBatch,
  checkTokenBatch,
  type ImageBatch,
  type TokenBatch,
} from "./contracts/batches.js";
export {
  type DenoisePlan,
  type DenoiseRule,
  type Denoiser,
  type LegalRanges,
  type PosteriorTargets,
  transitionColumns,
} from "./contracts/denoiser.js";
export {
  agree,
  type GroupAgreement,
  GroupError,
  type GroupStatement,
  inAllProcesses,
  inFirstProcess,
  tellFailure,
  toldAs,
} from "./contracts/group-agreement.js";
export { type CodeLayout, checkCodeLayout, type ImageCodec, type PalettePlace } from "./contracts/image-codec.js";
export {
  concatCodes,
  concatImages,
  gatherCodes,
  gatherImages,
  mirrorImages,
  sliceCodes,
  sliceImages,
} from "./contracts/parts-of-batches.js";
export { type GroupValues, localProcesses, type ProcessGroup, soleProcess } from "./contracts/process-group.js";
export type {
  DecodeGuidance,
  DecodePlan,
  Grammar,
  NativeRunOptions,
  SequenceDecoding,
  SequenceModel,
} from "./contracts/sequence-model.js";
export type { BatchContext, ExampleSource, LossOptions, LossResult, Trainable } from "./contracts/trainable.js";
export { describeValue } from "./errors/describe-value.js";
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
} from "./errors/errors.js";
export { nearestWords } from "./errors/nearest-words.js";
export { quote } from "./errors/printable.js";
export { fileBytes, isFileBytes } from "./files/file-bytes.js";
export { fingerprint, sha256Hex } from "./files/fingerprint.js";
export { defaultLimits, type Limits, resolveLimits } from "./files/limits.js";
export {
  type LegacyHeader,
  type ModelFile,
  type ReadModelFileOptions,
  readModelFile,
  writeModelFile,
} from "./files/model-file.js";
export { type ParsedJson, type ParseJsonOptions, parseJson } from "./files/parse-json.js";
export {
  type ReadSafetensorsOptions,
  readSafetensors,
  readSafetensorsMetadata,
  type SafetensorsContent,
  safetensorsSignature,
  writeSafetensors,
} from "./files/safetensors.js";
export type { StoredTensor } from "./files/stored-formats.js";
export {
  checkNumber,
  checkOneOf,
  checkWholeNumber,
  type NumberRange,
  type WholeNumberRange,
} from "./options/checks.js";
export {
  type CounterKey,
  counterMask,
  counterWords,
  type DropShare,
  dropShare,
  maskArrays,
} from "./random/counter-words.js";
export { gumbelNoise, gumbelNoiseOf } from "./random/gumbel-noise.js";
export { Random, type RandomState } from "./random/random.js";
export { type MaskDraw, RepeatedMasks } from "./random/repeated-masks.js";
