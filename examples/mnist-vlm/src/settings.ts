import { ConfigError } from "@mmgen/core";
import { fromCaller, type RunFolders, readConfigFile, readSettings, refuseFixedOptions } from "@mmgen/example-common";
import { z } from "zod";
import { vlmConfigSchema } from "./config.js";
import { dataChoices, type TrainOptions } from "./options.js";
import { presetNames, presets } from "./presets.js";

const settingsSchema = z.strictObject({
  preset: z.enum(presetNames),
  config: vlmConfigSchema,
  data: z.enum(dataChoices),
  /** The file of prepared lines, where the run trains on these. */
  lines: z.string().optional(),
  seed: z.int().min(0),
});

/** What a run was asked to do; kept beside its checkpoints so that a resume does the same. */
export type RunSettings = z.infer<typeof settingsSchema>;

/** The settings of a new run. */
export async function newSettings(options: TrainOptions): Promise<RunSettings> {
  const { preset = "quick", data, lines } = options;
  if (lines !== undefined && data !== undefined) {
    throw new ConfigError("--lines trains on lines alone, so --data has nothing to say; leave one of them out.");
  }
  const config =
    options.config === undefined
      ? presets[preset]
      : await readConfigFile(fromCaller(options.config), presets[preset], vlmConfigSchema, "this example");
  return {
    preset,
    config,
    data: data ?? "auto",
    ...(lines !== undefined && { lines: fromCaller(lines) }),
    seed: options.seed ?? 1,
  };
}

/**
 * The settings of the run whose checkpoints lie in `folders`.
 *
 * @throws a {@link ConfigError} when an option would change them; a `CheckpointError` when there is no run, or its file is
 * damaged.
 */
export async function resumedSettings(options: TrainOptions, folders: RunFolders): Promise<RunSettings> {
  refuseFixedOptions(options, ["preset", "config", "data", "lines", "seed"]);
  return readRunSettings(folders);
}

/**
 * The settings that a run left beside its checkpoints.
 *
 * @throws a `CheckpointError` when there is no run, or its file is damaged.
 */
export function readRunSettings(folders: RunFolders): Promise<RunSettings> {
  return readSettings(folders, settingsSchema);
}
