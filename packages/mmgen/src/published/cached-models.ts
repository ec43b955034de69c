import { ConfigError } from "@mmgen/core";
import { checkFields } from "../model/check-arguments.js";
import { type CachedModels, clearModelsIn, isManaged, modelsIn } from "./cache-contents.js";
import { browserCache, type ManagedCache, type ModelCache } from "./model-cache.js";

/** Options of {@link listCachedModels}. */
export interface CachedModelsOptions {
  /** With `list` and `remove`. Default: the browser's Cache API, where there is one. */
  readonly cache?: ModelCache | undefined;
}

/** Options of {@link clearCachedModels}. */
export interface ClearCachedModelsOptions extends CachedModelsOptions {
  /** The model to remove, by its address, whatever the query. Default: all that is there. */
  readonly url?: string | URL | undefined;
}

const nothing: CachedModels = { models: [], bytes: 0 };

/**
 * Lists the models that `loadUrl` has kept.
 *
 * @throws a {@link ConfigError} for a cache without `list` and `remove`.
 */
export async function listCachedModels(options: CachedModelsOptions = {}): Promise<CachedModels> {
  checkFields("listCachedModels", options, ["cache"]);
  const cache = managed(options.cache ?? browserCache());
  return cache === undefined ? nothing : modelsIn(cache);
}

/**
 * Removes the models that `loadUrl` has kept, or one of them. Files that another model has too stay.
 *
 * @returns What was removed, and the bytes that this freed.
 * @throws a {@link ConfigError} for a cache without `list` and `remove`, or an address that is none.
 */
export async function clearCachedModels(options: ClearCachedModelsOptions = {}): Promise<CachedModels> {
  checkFields("clearCachedModels", options, ["cache", "url"]);
  const cache = managed(options.cache ?? browserCache());
  return cache === undefined ? nothing : clearModelsIn(cache, options.url);
}

function managed(cache: ModelCache | undefined): ManagedCache | undefined {
  if (cache !== undefined && !isManaged(cache)) {
    throw new ConfigError("cache: expected one with list and remove, beside read and write.");
  }
  return cache;
}
