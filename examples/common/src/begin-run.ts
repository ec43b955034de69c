import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CheckpointFolder } from "./checkpoint-folder.js";
import { checkRunData, type RunData, saveRunData } from "./run-data.js";
import type { RunOptions } from "./run-options.js";
import { saveSettings } from "./settings-file.js";

/** A run and where it keeps its checkpoints. */
export interface RunToBegin extends Pick<RunOptions<unknown>, "settings" | "folders" | "resume" | "narrator"> {
  readonly checkpoints: Pick<CheckpointFolder<never>, "clear">;
}

/**
 * Tells where the data comes from; a new run makes room for its checkpoints and logs, a resumed one makes sure of its
 * data.
 *
 * @throws a `CheckpointError` when a run is to go on with other data than it began with.
 */
export async function beginRun({ checkpoints, ...run }: RunToBegin, data: RunData): Promise<void> {
  const { folders, narrator, settings } = run;
  narrator.line(data.source);
  if (run.resume) {
    await checkRunData(data, folders);
  } else {
    await checkpoints.clear();
    await clearLogs(folders.results);
    await saveSettings(settings, folders);
    await saveRunData(data, folders);
  }
}

/** Removes what an earlier run wrote of its steps, and what was evaluated of its models: it is not this run's. */
async function clearLogs(results: string): Promise<void> {
  const entries = await readdir(results).catch(() => []);
  for (const name of entries) {
    if (name.endsWith(".jsonl") || /^evaluation.*\.json$/.test(name)) {
      await rm(join(results, name), { force: true });
    }
  }
}
