import { existsSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "@mmgen/core";
import { cacheFolder, isTemporaryOf, readFileBytes, writeFileAtomic } from "@mmgen/core/node";
import { resolveOptions, text } from "@mmgen/core/options";
import type { ManagedCache } from "../published/model-cache.js";

/**
 * Folder of the models that were fetched.
 *
 * @param cacheDir - As of `loadUrl`.
 */
export function modelsFolder(cacheDir?: string | undefined): string {
  if (cacheDir !== undefined) {
    resolveOptions(text({ minLength: 1 }), cacheDir, { path: "cacheDir" });
  }
  return join(cacheFolder(cacheDir), "models");
}

const isKey = (name: string) => /^(sha256|manifest)-[0-9a-f]{64}$/.test(name);

/** A folder as cache of fetched models, which several processes may use at once. It is made with its first file. */
export function folderCache(folder: string): ManagedCache {
  const tryTo = async <Result>(what: string, work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw new DataError(`Cannot ${what} the cache of models ${folder}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  };
  return {
    async read(key, maxBytes) {
      const path = join(folder, key);
      return existsSync(path) ? readFileBytes(path, "cached file", { maxBytes }) : undefined;
    },
    write: (key, bytes) => writeFileAtomic(join(folder, key), bytes),
    list: () =>
      tryTo("list", async () => {
        const names = existsSync(folder) ? await readdir(folder) : [];
        const sizes = new Map<string, number>();
        for (const name of names.filter((each) => isKey(each) || isHalfWritten(each))) {
          // Another process may have removed it.
          const found = await stat(join(folder, name)).catch(() => undefined);
          if (found !== undefined) {
            sizes.set(name, found.size);
          }
        }
        return sizes;
      }),
    remove: (key) => tryTo("empty", () => rm(join(folder, key), { force: true })),
  };
}

/** Whether a process left it that was killed as it wrote. */
function isHalfWritten(name: string): boolean {
  const target = /^\.(.+)\.[^.]+\.tmp$/.exec(name)?.[1];
  return target !== undefined && isKey(target) && isTemporaryOf(name, target);
}
