export {
  type CheckpointFileOptions,
  checkpointFile,
  loadTrainingState,
  saveTrainingState,
} from "./checkpoints/checkpoint-file.js";
export { type MetricsFileOptions, metricsFile } from "./observers/metrics-file.js";
export { type ProgressStream, type TerminalProgressOptions, terminalProgress } from "./observers/terminal-progress.js";
