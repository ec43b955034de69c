export {
  type CheckpointFileOptions,
  checkpointFile,
  loadTrainingState,
  saveTrainingState,
} from "./checkpoints/checkpoint-file.js";
export type { ProgressStream } from "./observers/lossy-stream.js";
export { type MetricsFileOptions, metricsFile } from "./observers/metrics-file.js";
export { type TaggedImages, type TensorBoardLogOptions, tensorBoardLog } from "./observers/tensor-board-log.js";
export { type TerminalProgressOptions, terminalProgress } from "./observers/terminal-progress.js";
