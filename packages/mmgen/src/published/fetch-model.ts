import { AbortedError, CheckpointError, type Limits, sha256Hex } from "@mmgen/core";
import { modelFiles } from "../model/model-parts.js";
import { fileKey, manifestKey, removeSuperseded, withAddress } from "./cache-contents.js";
import { type FetchedFile, type FileRequest, fetchFile, UnreachableError } from "./fetch-file.js";
import {
  differenceFrom,
  type ListedFile,
  type Manifest,
  manifestFile,
  maxManifestBytes,
  readManifest,
} from "./manifest.js";
import { type ModelAddress, modelAddress } from "./model-address.js";
import type { ModelCache } from "./model-cache.js";

/** How a model is fetched. */
export interface FetchModelConfig {
  readonly limits: Limits;
  readonly fetch: typeof globalThis.fetch;
  readonly cache: ModelCache | undefined;
  readonly offline: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined;
}

/** A model that is being fetched: whatever stops one of its requests stops all. */
interface Fetching extends FetchModelConfig {
  readonly address: ModelAddress;
  readonly signal: AbortSignal;
}

/**
 * Fetches a model's files, or takes them from the cache, and checks each against the manifest beside them.
 *
 * @throws a {@link CheckpointError} for what is missing, damaged or hostile; a `DataError` where the server does not answer
 *   and the cache does not have everything; an {@link AbortedError} when the signal fires.
 */
export async function fetchModel(url: string | URL, config: FetchModelConfig): Promise<Map<string, Uint8Array>> {
  const address = modelAddress(url);
  const stop = new AbortController();
  const onAbort = () => stop.abort(config.signal?.reason);
  config.signal?.addEventListener("abort", onAbort, { once: true });
  if (config.signal?.aborted) {
    onAbort();
  }
  try {
    stop.signal.throwIfAborted();
    return await fetchAll({ ...config, address, signal: stop.signal }, stop);
  } catch (error) {
    if (config.signal?.aborted) {
      throw new AbortedError(`Loading ${address.shown("")} was stopped.`, { cause: config.signal.reason });
    }
    throw error;
  } finally {
    config.signal?.removeEventListener("abort", onAbort);
  }
}

async function fetchAll(fetching: Fetching, stop: AbortController): Promise<Map<string, Uint8Array>> {
  const { address, onProgress } = fetching;
  const { listed, bytes: manifest } = await fetchManifest(fetching);
  // What else a manifest lists is not a model's.
  const wanted = Object.values(modelFiles).flatMap((name) => {
    const file = listed.get(name);
    if (file === undefined && name !== modelFiles.model) {
      throw new CheckpointError(`${address.shown(manifestFile)}: expected it to list ${name}. Save the model again.`);
    }
    return file === undefined ? [] : [{ name, file }];
  });
  const total = wanted.reduce((sum, { file }) => sum + file.bytes, 0);
  let arrived = 0;
  const onBytes = (count: number) => {
    arrived += count;
    onProgress?.(arrived, total);
  };
  // All at once: they are four at most.
  const results = await Promise.allSettled(
    wanted.map(async ({ file, name }) => {
      try {
        return [name, await cachedOrFetched(name, file, { ...fetching, onBytes })] as const;
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    }),
  );
  const failed = results.find(({ status }) => status === "rejected") as PromiseRejectedResult | undefined;
  if (failed !== undefined) {
    // The one that stopped the others, which may stand before it.
    throw stop.signal.aborted ? stop.signal.reason : failed.reason;
  }
  await keepManifest(manifest, listed, fetching);
  return new Map(results.map((result) => (result as PromiseFulfilledResult<readonly [string, Uint8Array]>).value));
}

/** The manifest as the server has it now; where it does not answer, as it was when the model was last loaded. */
async function fetchManifest(fetching: Fetching): Promise<{ readonly listed: Manifest; readonly bytes: Uint8Array }> {
  const { address, cache, limits, offline } = fetching;
  const shown = address.shown(manifestFile);
  const stored = async () => {
    const bytes = await cached(cache, await keyOf(address), maxManifestBytes);
    try {
      return bytes && { listed: readManifest(bytes, limits), bytes };
    } catch {
      return undefined;
    }
  };
  if (offline) {
    const found = await stored();
    if (found === undefined) {
      throw new CheckpointError(
        `${shown}: not in the cache, and offline: true makes no request. Load the model once without it.`,
      );
    }
    return found;
  }
  let answer: FetchedFile;
  try {
    answer = await fetchFile({ ...fetching, name: manifestFile, maxBytes: maxManifestBytes });
  } catch (error) {
    const found = error instanceof UnreachableError ? await stored() : undefined;
    if (found !== undefined) {
      return found;
    }
    throw CheckpointError.isInstance(error) ? new CheckpointError(`${error.message} ${noManifest}`) : error;
  }
  try {
    return { listed: readManifest(answer.bytes, limits), bytes: answer.bytes };
  } catch (error) {
    throw new CheckpointError(`${shown}: ${(error as Error).message}${pageHint(answer)}`, { cause: error });
  }
}

const noManifest =
  `A folder has a ${manifestFile} where saveTo, trainInto or save() of this version wrote it; older ones get one by ` +
  "saveTo(folder, await loadFrom(folder)).";

/** What to do where a server gives a web page in place of a file. */
function pageHint({ isPage }: FetchedFile): string {
  return isPage
    ? " The server gives a web page: an address of Hugging Face has /resolve/ in it, one of GitHub /raw/, where a page has /tree/ or /blob/; or it asks to log in."
    : "";
}

async function cachedOrFetched(
  name: string,
  file: ListedFile,
  fetching: Fetching & { readonly onBytes: NonNullable<FileRequest["onBytes"]> },
): Promise<Uint8Array> {
  const { address, cache, offline, onBytes, signal } = fetching;
  const key = fileKey(file.sha256);
  const stored = await cached(cache, key, file.bytes);
  if (stored !== undefined && (await differenceFrom(file, stored)) === undefined) {
    signal.throwIfAborted();
    onBytes(stored.length);
    return stored;
  }
  if (offline) {
    throw new CheckpointError(
      `${address.shown(name)}: not whole in the cache, and offline: true makes no request. Load the model once without it.`,
    );
  }
  const answer = await fetchFile({ ...fetching, name, maxBytes: file.bytes });
  const difference = await differenceFrom(file, answer.bytes);
  if (difference !== undefined) {
    throw new CheckpointError(
      `${address.shown(name)}: ${difference}: it is damaged or of another model.${pageHint(answer)} Load it again; where that does not help, upload the whole folder anew.`,
    );
  }
  signal.throwIfAborted();
  await keep(cache, key, answer.bytes);
  return answer.bytes;
}

/** Keeps the manifest, after the files that it lists, and lets go of those of the model that it replaces. */
async function keepManifest(
  manifest: Uint8Array,
  listed: Manifest,
  { address, cache, limits }: Fetching,
): Promise<void> {
  const key = await keyOf(address);
  const before = await cached(cache, key, maxManifestBytes);
  await keep(cache, key, withAddress(manifest, address.shown("")));
  try {
    if (cache !== undefined && before !== undefined) {
      await removeSuperseded(cache, { before: readManifest(before, limits), now: listed });
    }
  } catch {
    // They stay until the cache is cleared.
  }
}

/** By its address, query included; what the query says stays unknown. */
async function keyOf({ href }: ModelAddress): Promise<string> {
  return manifestKey(await sha256Hex(new TextEncoder().encode(href)));
}

/** A cache that cannot be read has nothing. */
async function cached(cache: ModelCache | undefined, key: string, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    return await cache?.read(key, maxBytes);
  } catch {
    return undefined;
  }
}

/** A cache that cannot be written, such as a full one, does not keep a model from being used. */
async function keep(cache: ModelCache | undefined, key: string, bytes: Uint8Array): Promise<void> {
  try {
    await cache?.write(key, bytes);
  } catch {
    // It is fetched again the next time.
  }
}
