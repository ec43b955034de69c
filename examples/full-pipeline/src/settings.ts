import {
  fromCaller,
  type RunFolders,
  readConfigFile,
  readSettings as readSettingsFile,
  refuseFixedOptions,
} from "@mmgen/example-common";
import { z } from "zod";
import { runConfigSchema } from "./config.js";
import { dataChoices, type StartOptions } from "./options.js";
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
  const config =
    options.config === undefined
      ? presets[preset]
      : await readConfigFile(fromCaller(options.config), presets[preset], runConfigSchema, "this pipeline");
  return { preset, config, data: options.data ?? "auto", seed: options.seed ?? 1 };
}

/**
 * The settings of the run whose checkpoints lie in `folders`.
 *
 * @throws a `ConfigError` when an option would change them; a `CheckpointError` when there is no run, or its file is
 * damaged.
 */
export async function resumedSettings(options: StartOptions, folders: RunFolders): Promise<RunSettings> {
  refuseFixedOptions(options, ["preset", "config", "data", "seed"]);
  return readSettings(folders);
}

/**
 * The settings that a run left beside its checkpoints.
 *
 * @throws a `CheckpointError` when there is no run, or its file is damaged.
 */
export function readSettings(folders: RunFolders): Promise<RunSettings> {
  return readSettingsFile(folders, settingsSchema);
}
