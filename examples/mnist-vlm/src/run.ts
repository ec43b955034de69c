import type { RunOptions } from "@mmgen/example-common";
import { checkConfig } from "./check-config.js";
import { runCheckpoints } from "./checkpoints.js";
import { imageWriter } from "./images.js";
import { runFromImages } from "./run-from-images.js";
import { runFromLines } from "./run-from-lines.js";
import type { RunMetrics } from "./run-metrics.js";
import type { RunSettings } from "./settings.js";
import { checkpointSteps } from "./train-lines.js";

/**
 * The whole road, from images or, where the settings name them, from prepared lines.
 *
 * @throws a `ConfigError` when the settings do not fit together, before anything is read or removed.
 * @throws an `AbortedError` when the signal fires; what a resume needs is then written.
 */
export async function runVlm(options: RunOptions<RunSettings>): Promise<RunMetrics> {
  const { folders, settings } = options;
  checkConfig(settings);
  const checkpoints = runCheckpoints(folders, checkpointSteps(settings.config.transformer));
  const run = { ...options, checkpoints, write: imageWriter(folders) };
  return settings.lines === undefined ? runFromImages(run) : runFromLines(run, settings.lines);
}
