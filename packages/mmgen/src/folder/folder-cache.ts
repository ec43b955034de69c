import { existsSync } from "node:fs";
import { join } from "node:path";
import { readFileBytes, writeFileAtomic } from "@mmgen/core/node";
import type { ModelCache } from "../published/model-cache.js";

/** A folder as cache of fetched models, which several processes may use at once. It is made with its first file. */
export function folderCache(folder: string): ModelCache {
  return {
    async read(key, maxBytes) {
      const path = join(folder, key);
      return existsSync(path) ? readFileBytes(path, "cached file", { maxBytes }) : undefined;
    },
    write: (key, bytes) => writeFileAtomic(join(folder, key), bytes),
  };
}
