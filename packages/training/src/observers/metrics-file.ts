import { fields, optional, resolveOptions, text } from "@mmgen/core/options";
import { LogFile } from "./log-file.js";
import type { RunDescription, RunStatus, TrainingObserver } from "./training-observer.js";

/** Options of {@link metricsFile}. */
export interface MetricsFileOptions {
  /** Written in every line, to tell the runs in one file apart. Default: none. */
  readonly run?: string;
}

const metricsFileSchema = fields({ run: optional(text()) });

/**
 * Appends the metrics of a run to a file, one JSON object a line: `{"event":"step", …}`, `{"event":"epoch", …}`, and
 * `start` and `end` around them. A step's line is in the file before the next step starts.
 *
 * A run that was killed and resumed repeats the steps since its last checkpoint: of two lines of one step the later counts.
 * A file that cannot be written any more, or that has been removed, ends the run with its state kept.
 *
 * @throws a `ConfigError` when an option is unknown.
 */
export function metricsFile(path: string, options: MetricsFileOptions = {}): TrainingObserver {
  resolveOptions(metricsFileSchema, options);
  let file: LogFile | undefined;
  const append = async (event: string, content: object) => {
    await file?.append(`${JSON.stringify({ event, ...options, ...content })}\n`);
  };
  return {
    name: `metricsFile of ${path}`,
    onStart: async (description: RunDescription) => {
      file = await LogFile.open(path, "a+");
      await file.endLine();
      await append("start", description);
    },
    onStep: async (record) => {
      await append("step", record);
      await file?.checkPresenceSometimes();
    },
    onEpoch: async (record) => {
      await append("epoch", record);
      await file?.checkPresence();
    },
    onEnd: async (status: RunStatus, description: RunDescription) => {
      try {
        await append("end", { status, ...description });
        await file?.checkPresence();
      } finally {
        await file?.close();
        file = undefined;
      }
    },
  };
}
