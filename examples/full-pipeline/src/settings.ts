import { join } from "node:path";
import { CheckpointError, ConfigError } from "@mmgen/core";
import { readFileBytes, writeFileAtomic } from "@mmgen/core/node";
import { z } from "zod";
import { type RunConfig, readConfigFile, runConfigSchema } from "./config.js";
import { dataChoices, type StartOptions } from "./options.js";
import type { RunFolders } from "./paths.js";
import { fromCaller } from "./paths.js";
import { presetNames, presets } from "./presets.js";

const settingsSchema = z.strictObject({
  preset: z.enum(presetNames),
  config: runConfigSchema,
  data: z.enum(dataChoices),
  seed: z.int().min(0),
});

/** What a run was asked to do; kept beside its checkpoints so that a resume does the same. */
export type RunSettings = z.infer<typeof settingsSchema>;

/** The settings of a new run. */
export async function newSettings(options: StartOptions): Promise<RunSettings> {
  const preset = options.preset ?? "quick";
  const config: RunConfig =
    options.config === undefined ? presets[preset] : await readConfigFile(fromCaller(options.config), presets[preset]);
  return { preset, config, data: options.data ?? "auto", seed: options.seed ?? 1 };
}

/**
 * The settings of the run whose checkpoints lie in `folders`.
 *
 * @throws {@link ConfigError} when an option would change them; {@link CheckpointError} when there is no run, or its file is damaged.
 */
export async function resumedSettings(options: StartOptions, folders: RunFolders): Promise<RunSettings> {
  for (const name of ["preset", "config", "data", "seed"] as const) {
    if (options[name] !== undefined) {
      throw new ConfigError(`--${name} cannot be given with --resume, which takes the interrupted run's settings.`);
    }
  }
  return readSettings(folders);
}

/**
 * The settings that a run left beside its checkpoints.
 *
 * @throws {@link CheckpointError} when there is no run, or its file is damaged.
 */
export async function readSettings(folders: RunFolders): Promise<RunSettings> {
  const path = settingsPath(folders);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(await readFileBytes(path, "run's settings")));
  } catch (error) {
    throw new CheckpointError(`There is no run at ${path} (${(error as Error).message}).`, { cause: error });
  }
  const parsed = settingsSchema.safeParse(json);
  if (!parsed.success) {
    throw new CheckpointError(`${path} is damaged or of another version: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}

/** Writes the settings beside the checkpoints. */
export function saveSettings(settings: RunSettings, folders: RunFolders): Promise<void> {
  return writeFileAtomic(settingsPath(folders), `${JSON.stringify(settings, null, 2)}\n`);
}

function settingsPath(folders: RunFolders): string {
  return join(folders.checkpoints, "run.json");
}
