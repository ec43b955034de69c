import { CheckpointError, resolveLimits } from "@mmgen/core";
import { boolean, fields, functionValue, optional, resolveOptions, value } from "@mmgen/core/options";
import type { LoadOptions } from "@mmgen/nn";
import { anything } from "../model/check-arguments.js";
import { MultimodalModel } from "../model/multimodal-model.js";
import { fetchModel } from "./fetch-model.js";
import { modelAddress } from "./model-address.js";
import { browserCache, type ModelCache } from "./model-cache.js";

/** Options of {@link loadUrl}. */
export interface LoadUrlOptions extends LoadOptions {
  /** Stops the load with an `AbortedError`. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Told of the bytes that are there, of all files together, those of the cache included. Default: none. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined;
  /** Sends the requests, for instance with a header that holds a token. Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Where files are kept for the next time; `false`: nowhere. Default: the browser's Cache API where there is one. */
  readonly cache?: ModelCache | false | undefined;
  /** Makes no request: everything has to be in the cache. Default `false`. */
  readonly offline?: boolean | undefined;
}

/**
 * Loads a model from a folder of the web, in a page, a worker or Node, that `saveTo`, `trainInto` or the files of
 * `model.save()` made: any web server, `https://huggingface.co/NAME/MODEL/resolve/main`, a folder of
 * `https://raw.githubusercontent.com`. In Node, `loadUrl` of `mmgen/node` also keeps files on disk and starts a backend.
 *
 * Length and SHA-256 of every file are checked against the folder's `model-manifest.json`; a folder without one is refused.
 * The manifest is requested each time, other files only where the cache does not have them; where the server does not
 * answer and everything is in the cache, that is loaded. Files of a model that was replaced at its address leave the cache.
 *
 * @param url - Of the folder; a query is sent with each request. In a page it may be relative.
 * @returns The model; yours to dispose.
 * @throws a {@link CheckpointError} naming the file that is missing, damaged, hostile, or of another run.
 * @throws a `DataError` when the server does not answer; an `AbortedError` when the signal fires.
 * @throws a `ConfigError` for an option, or an address that is none.
 */
export async function loadUrl(url: string | URL, options: LoadUrlOptions = {}): Promise<MultimodalModel> {
  const {
    cache,
    fetch,
    limits: given,
    offline,
    onProgress,
    signal,
  } = resolveOptions(loadUrlSchema, options, {
    path: "loadUrl",
  });
  const limits = resolveLimits(given as LoadOptions["limits"], "loadUrl: limits");
  const files = await fetchModel(url, {
    // Called as a function of its own: a browser's is bound to the page.
    ...{ limits, offline, onProgress, signal, fetch: fetch ?? ((...request) => globalThis.fetch(...request)) },
    cache: cache === false ? undefined : (cache ?? browserCache()),
  });
  try {
    return await MultimodalModel.load((name) => files.get(name), { limits });
  } catch (error) {
    throw CheckpointError.isInstance(error)
      ? new CheckpointError(`${modelAddress(url).shown("")}: ${error.message}`, { cause: error })
      : error;
  }
}

const isCache = (cache: unknown): boolean =>
  cache === false ||
  (["read", "write"] as const).every((name) => typeof (cache as ModelCache | null)?.[name] === "function");

const loadUrlSchema = fields({
  limits: optional(anything()),
  signal: optional(value<AbortSignal>("an AbortSignal", (signal) => signal instanceof AbortSignal)),
  onProgress: optional(functionValue<(bytes: number, total: number) => void>()),
  fetch: optional(functionValue<typeof globalThis.fetch>()),
  cache: optional(value<ModelCache | false>("false, or a cache with read and write", isCache)),
  offline: optional(boolean(), false),
});
