import type { CachedModels } from "../published/cache-contents.js";
import {
  type ClearCachedModelsOptions,
  clearCachedModels as clearAnywhere,
  listCachedModels as listAnywhere,
} from "../published/cached-models.js";
import { folderCache, modelsFolder } from "./folder-cache.js";
import type { NodeLoadUrlOptions } from "./load-url.js";

/** Options of `listCachedModels` in Node. */
export type NodeCachedModelsOptions = Pick<NodeLoadUrlOptions, "cacheDir">;

/** Options of `clearCachedModels` in Node. */
export type NodeClearCachedModelsOptions = NodeCachedModelsOptions & Pick<ClearCachedModelsOptions, "url">;

/**
 * Lists the models that `loadUrl` has kept in its folder.
 *
 * @throws a `DataError` where the folder cannot be read.
 */
export function listCachedModels({ cacheDir, ...options }: NodeCachedModelsOptions = {}): Promise<CachedModels> {
  return listAnywhere({ ...options, cache: folderCache(modelsFolder(cacheDir)) });
}

/**
 * Removes the models that `loadUrl` has kept in its folder, or one of them. Files that another model has too stay.
 *
 * @returns What was removed, and the bytes that this freed.
 * @throws a `DataError` where the folder cannot be read or emptied; a `ConfigError` for an address that is none.
 */
export function clearCachedModels({ cacheDir, ...options }: NodeClearCachedModelsOptions = {}): Promise<CachedModels> {
  return clearAnywhere({ ...options, cache: folderCache(modelsFolder(cacheDir)) });
}
