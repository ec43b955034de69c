export { checkpointFile, loadTrainingState, saveTrainingState } from "./checkpoints/checkpoint-file.js";
export { type MetricsFileOptions, metricsFile } from "./observers/metrics-file.js";
export { type TerminalProgressOptions, terminalProgress } from "./observers/terminal-progress.js";
