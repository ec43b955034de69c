import { existsSync } from "node:fs";
import { join } from "node:path";
import { defaultLimits, type Limits } from "@mmgen/core";
import { readFileBytes, writeFileAtomic } from "@mmgen/core/node";
import type { ReadModelFile } from "../model/model-parts.js";
import type { CheckpointStore } from "../model/train-options.js";

/** Reads a folder's files by name; undefined where there is no such file. */
export function folderReader(folder: string, limits: Limits = defaultLimits): ReadModelFile {
  return async (name) => {
    const path = join(folder, name);
    const maxBytes = name.endsWith(".json") ? limits.textBytes : limits.fileBytes;
    return existsSync(path) ? readFileBytes(path, "model file", { maxBytes }) : undefined;
  };
}

/**
 * A folder as checkpoint store: every file is written beside and renamed, so that it is whole at every moment. What a
 * training has written it reads again, however large.
 */
export function folderStore(folder: string, everySteps?: number): CheckpointStore {
  return {
    read: folderReader(folder, { ...defaultLimits, fileBytes: Number.POSITIVE_INFINITY }),
    write: (name, bytes) => writeFileAtomic(join(folder, name), bytes),
    everySteps,
  };
}
