import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { DataError } from "@mmgen/core";
import { makeFolder } from "@mmgen/core/node";
import { fields, optional, resolveOptions, text } from "@mmgen/core/options";
import type { RunDescription, RunStatus, TrainingObserver } from "./training-observer.js";

/** Options of {@link metricsFile}. */
export interface MetricsFileOptions {
  /** Written in every line, to tell the runs in one file apart. Default: none. */
  readonly run?: string;
}

const metricsFileSchema = fields({ run: optional(text()) });

/** Milliseconds between two looks at whether the file is still in its folder. */
const lookInterval = 1000;

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
  let file: FileHandle | undefined;
  let lastLook = 0;
  const append = async (event: string, content: object) => {
    await file?.appendFile(`${JSON.stringify({ event, ...options, ...content })}\n`);
  };
  /** A file without a name takes all that is written, and keeps nothing. */
  const checkPresence = async () => {
    lastLook = performance.now();
    if ((await file?.stat())?.nlink === 0) {
      throw new DataError(`${path} has been removed while it was being written.`);
    }
  };
  return {
    name: `metricsFile of ${path}`,
    onStart: async (description: RunDescription) => {
      await makeFolder(dirname(path));
      file = await open(path, "a+");
      await endLine(file);
      lastLook = performance.now();
      await append("start", description);
    },
    onStep: async (record) => {
      await append("step", record);
      if (performance.now() - lastLook >= lookInterval) {
        await checkPresence();
      }
    },
    onEpoch: async (record) => {
      await append("epoch", record);
      await checkPresence();
    },
    onEnd: async (status: RunStatus, description: RunDescription) => {
      try {
        await append("end", { status, ...description });
        await checkPresence();
      } finally {
        await file?.close();
        file = undefined;
      }
    },
  };
}

/** Ends a line that a killed process, or a full disk, has cut short. */
async function endLine(file: FileHandle): Promise<void> {
  const stats = await file.stat();
  if (stats.isFile() && stats.size > 0) {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, stats.size - 1);
    if (buffer[0] !== 0x0a) {
      await file.appendFile("\n");
    }
  }
}
