import { join } from "node:path";
import { ConfigError } from "@mmgen/core";
import { writeFileAtomic } from "@mmgen/core/node";
import type { z } from "zod";
import type { RunFolders } from "./paths.js";
import { readStoredJson } from "./stored-json.js";

/** Writes a run's settings beside its checkpoints, so that a resume does the same. */
export function saveSettings(settings: unknown, folders: RunFolders): Promise<void> {
  return writeFileAtomic(settingsPath(folders), `${JSON.stringify(settings, null, 2)}\n`);
}

/**
 * Throws {@link ConfigError} where an option is given that would change the settings a run is resumed with.
 *
 * @param fixed - Names of such options.
 */
export function refuseFixedOptions<Options extends object>(
  given: Options,
  fixed: readonly (keyof Options & string)[],
): void {
  for (const name of fixed) {
    if (given[name] !== undefined) {
      throw new ConfigError(`--${name} cannot be given with --resume, which takes the interrupted run's settings.`);
    }
  }
}

/**
 * The settings that a run left beside its checkpoints.
 *
 * @throws a `CheckpointError` when there is no run, or its file is damaged.
 */
export function readSettings<Settings>(folders: RunFolders, schema: z.ZodType<Settings>): Promise<Settings> {
  return readStoredJson(settingsPath(folders), "run", schema);
}

function settingsPath(folders: RunFolders): string {
  return join(folders.checkpoints, "run.json");
}
