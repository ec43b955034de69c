export { interruptSignal, positiveNumber, resumable, runCommand, wholeNumber } from "./command.js";
export { formatDuration, formatPercent, formatRunTime, textTable } from "./format.js";
export { readConfigFile } from "./json-files.js";
export { ProgressReporter, type StepObserver } from "./progress-reporter.js";
export {
  addRunOptions,
  addSamplingOptions,
  backendOption,
  createRunContext,
  type RunContext,
  type RunFlags,
  type SamplingFlags,
} from "./run-context.js";
export { describeRunData, fromCaller, type RunData, RunFolder, refuseFixedOptions } from "./run-folder.js";
