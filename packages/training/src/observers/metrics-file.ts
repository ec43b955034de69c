import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { fields, optional, resolveOptions, text } from "@mmgen/core/options";
import type { RunDescription, RunStatus, TrainingObserver } from "./training-observer.js";

/** Options of {@link metricsFile}. */
export interface MetricsFileOptions {
  /** Written in every line, to tell the runs in one file apart. */
  readonly run?: string;
}

const metricsFileSchema = fields({ run: optional(text()) });

/**
 * Appends the metrics of a run to a file, one JSON object a line: `{"event":"step", …}`, `{"event":"epoch", …}`, and
 * `start` and `end` around them. A step's line is in the file before the next step starts.
 *
 * A run that was killed and resumed repeats the steps since its last checkpoint: of two lines of one step the later counts.
 *
 * @throws a `ConfigError` when an option is unknown.
 */
export function metricsFile(path: string, options: MetricsFileOptions = {}): TrainingObserver {
  resolveOptions(metricsFileSchema, options);
  let file: FileHandle | undefined;
  const append = async (event: string, content: object) => {
    await file?.appendFile(`${JSON.stringify({ event, ...options, ...content })}\n`);
  };
  return {
    onStart: async (description: RunDescription) => {
      await mkdir(dirname(path), { recursive: true });
      file = await open(path, "a");
      await append("start", description);
    },
    onStep: (record) => append("step", record),
    onEpoch: (record) => append("epoch", record),
    onEnd: async (status: RunStatus, description: RunDescription) => {
      try {
        await append("end", { status, ...description });
      } finally {
        await file?.close();
        file = undefined;
      }
    },
  };
}
