import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RunFolders } from "@mmgen/example-common";

/** The transformers of whatever steps. */
const keptModels = /^transformer-\d+\.safetensors$/;

/** Everything that a run of whatever settings writes into its results. */
const resultFiles = [
  /^(confusion|generated_\d+|image_token_logos|latents|prediction_accuracy|reconstructions|training_curves)\.png$/,
  /^(classifier|letters|lines)\.jsonl$/,
  /^(metrics\.json|report\.html)$/,
];

/** Removes the results and the kept models of an earlier run, whatever its settings, and no other file. */
export async function removeEarlierRun({ checkpoints, results }: RunFolders): Promise<void> {
  await removeFiles(checkpoints, [keptModels]);
  await removeFiles(results, resultFiles);
}

async function removeFiles(folder: string, patterns: readonly RegExp[]): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (patterns.some((pattern) => pattern.test(name))) {
      await rm(join(folder, name), { force: true });
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return [];
    }
    throw error;
  }
}
