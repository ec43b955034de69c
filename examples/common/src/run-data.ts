import { createHash } from "node:crypto";
import { join } from "node:path";
import { CheckpointError } from "@mmgen/core";
import { writeFileAtomic } from "@mmgen/core/node";
import { z } from "zod";
import type { RunFolders } from "./paths.js";
import { readStoredJson } from "./stored-json.js";

const runDataSchema = z.strictObject({
  /** Where it came from, one line for people. */
  source: z.string(),
  /** Of the training part, in hexadecimal digits. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** What a run learns from; kept beside its checkpoints so that a resume goes on with the same. */
export type RunData = z.infer<typeof runDataSchema>;

/**
 * Describes what a run learns from.
 *
 * @param trainingPart - All that is learned from, in an order of its own: levels of images, labels, captions.
 */
export function describeRunData(
  source: string,
  trainingPart: readonly (Uint8Array | Int32Array | readonly string[])[],
): RunData {
  const hash = createHash("sha256");
  for (const part of trainingPart) {
    const content = Array.isArray(part) ? JSON.stringify(part) : (part as Uint8Array | Int32Array);
    // The length tells where a part ends.
    hash.update(`${content.length} `).update(content);
  }
  return { source, sha256: hash.digest("hex") };
}

/** Writes what a run learns from beside its checkpoints. */
export function saveRunData(data: RunData, folders: RunFolders): Promise<void> {
  return writeFileAtomic(dataPath(folders), `${JSON.stringify(data, null, 2)}\n`);
}

/**
 * Makes sure that `found` is what the run learned from, wherever it lies now.
 *
 * @throws {@link CheckpointError} when it is not, or the run left no record of what it learned from.
 */
export async function checkRunData(found: RunData, folders: RunFolders): Promise<void> {
  const learned = await readStoredJson(dataPath(folders), "record of a run's data", runDataSchema);
  if (found.sha256 !== learned.sha256) {
    throw new CheckpointError(
      `The run in ${folders.checkpoints} learned from other data than is found now. ` +
        `Then: ${learned.source}. Now: ${found.source}. ` +
        "Give it the same again: the same --data-dir or MMGEN_DATA_DIR, with the same files there.",
    );
  }
}

function dataPath(folders: RunFolders): string {
  return join(folders.checkpoints, "data.json");
}
