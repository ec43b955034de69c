import type { MultimodalModel } from "../model/multimodal-model.js";
import { type LoadUrlOptions, loadUrl as loadUrlAnywhere } from "../published/load-url.js";
import { folderCache, modelsFolder } from "./folder-cache.js";
import { type BackendLog, startBackend } from "./model-folder.js";

/** Options of `loadUrl` in Node. */
export interface NodeLoadUrlOptions extends LoadUrlOptions, BackendLog {
  /**
   * Folder in which fetched files are kept, in `models`, under their checksums. Default: `$MMGEN_CACHE_DIR`, else `mmgen` in
   * the user's cache: `$XDG_CACHE_HOME`, `~/.cache`, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.
   */
  readonly cacheDir?: string | undefined;
}

/**
 * Loads a model from a folder of the web, as `loadUrl` of `mmgen` does, and keeps its files in a folder for the next time.
 * Starts ONNX Runtime where the program has chosen no backend.
 *
 * @param url - Of the folder; a query is sent with each request.
 * @param options - `cache: false` keeps nothing.
 * @returns The model; yours to dispose.
 * @throws as `loadUrl` of `mmgen`, and a `ConfigError` naming the packages to install where there is no backend to run it on.
 */
export async function loadUrl(url: string | URL, options: NodeLoadUrlOptions = {}): Promise<MultimodalModel> {
  const { cacheDir, onBackend, ...loading } = { ...options };
  const folder = modelsFolder(cacheDir);
  await startBackend({ onBackend });
  const cache = loading.cache ?? folderCache(folder);
  return loadUrlAnywhere(url, { ...loading, cache });
}
