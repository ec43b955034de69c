export { checkpointFile, loadTrainingState, saveTrainingState } from "./checkpoint-file.js";
export { type MetricsFileOptions, metricsFile } from "./metrics-file.js";
export { type TerminalProgressOptions, terminalProgress } from "./terminal-progress.js";
