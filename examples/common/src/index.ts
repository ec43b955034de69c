export { type ImageShape, readImages } from "@mmgen/datasets/node";
export { type BackendChoice, selectBackend, selectTrainingBackend } from "./backend.js";
export { beginRun } from "./begin-run.js";
export { CheckpointFolder } from "./checkpoint-folder.js";
export { readConfigFile } from "./config-file.js";
export { runCommand } from "./errors.js";
export { minutes, percent, trainingTime } from "./figures.js";
export { interruption, interruptSignal } from "./interruption.js";
export { Narrator } from "./narrator.js";
export { numberBetween, positiveNumber, wholeNumber } from "./option-parsers.js";
export { fromCaller, type RunFolders, runFolders } from "./paths.js";
export { checkRunData, describeRunData } from "./run-data.js";
export {
  addRunOptions,
  backendOption,
  prepareRun,
  type RunFlags,
  type RunOptions,
} from "./run-options.js";
export { captionCodes, captionImages, drawCaptions, inventPairs, type Pairs, type SamplingOptions } from "./samples.js";
export { type MixedOrderOptions, mixedOrderExamples, sequenceExamples } from "./sequences.js";
export { readSettings, refuseFixedOptions, saveSettings } from "./settings-file.js";
export { textTable } from "./text-table.js";
export { codeUsage, type TokenizerFigures, tokenizerFigures } from "./tokenizer-figures.js";
export { type TrainReaderOptions, trainReader } from "./train-reader.js";
export {
  type TokenizerTraining,
  type TrainTokenizerOptions,
  trainTokenizer,
} from "./train-tokenizer.js";
export { type TrainTransformerOptions, type TransformerTraining, trainTransformer } from "./train-transformer.js";
export { belongTogether, type SequenceModels, type TrainedModels } from "./trained-models.js";
export type { TrainingCourse } from "./training-course.js";
