export { checkDrawnCount, interruptSignal, positiveNumber, runCommand, wholeNumber } from "./command.js";
export { formatDuration, formatPercent, formatRunTime, textTable } from "./format.js";
export { readConfigFile } from "./json-files.js";
export { ProgressReporter, type StepObserver } from "./progress-reporter.js";
export {
  addComputeOptions,
  addRunOptions,
  addSamplingOptions,
  type ComputeFlags,
  checkpointsOption,
  inRunFolder,
  type RunContext,
  type SamplingFlags,
  stageOf,
  startRun,
} from "./run-context.js";
export { describeRunData, fromCaller, type RunData, RunFolder } from "./run-folder.js";
export { defineRuns, type FlagsOf, type SettingsOf } from "./run-settings.js";
