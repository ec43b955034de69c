import { defaultLimits, type Limits, parseJson } from "@mmgen/core";
import { type Manifest, maxManifestBytes, readManifest } from "./manifest.js";
import { modelAddress } from "./model-address.js";
import type { ManagedCache, ModelCache } from "./model-cache.js";

/** Models in a cache of `loadUrl`. */
export interface CachedModels {
  /**
   * In the order of their addresses. `address` is that of the folder, without its query; undefined where the cache does not
   * say. `bytes` are those of its files, which other models may have too.
   */
  readonly models: readonly { readonly address: string | undefined; readonly bytes: number }[];
  /** All that they take, each file counted once, with what stopped loads have left. */
  readonly bytes: number;
}

const manifestPrefix = "manifest-";
/** A model stays known that was loaded with wider limits. */
const noLimits: Limits = { ...defaultLimits, fileBytes: Number.POSITIVE_INFINITY, textBytes: Number.POSITIVE_INFINITY };

/** Key of a file in a cache. */
export function fileKey(sha256: string): string {
  return `sha256-${sha256}`;
}

/** Key of a manifest in a cache, by the SHA-256 of its model's address. */
export function manifestKey(sha256: string): string {
  return `${manifestPrefix}${sha256}`;
}

/** A manifest as a cache keeps it: with its model's address. */
export function withAddress(manifest: Uint8Array, address: string): Uint8Array {
  const { value } = parseJson(new TextDecoder().decode(manifest));
  return new TextEncoder().encode(`${JSON.stringify({ ...(value as object), address }, null, 2)}\n`);
}

/** What is in a cache; no file of a model is read. */
export async function modelsIn(cache: ManagedCache): Promise<CachedModels> {
  const sizes = await cache.list();
  const sum = (keys: Iterable<string>) => [...keys].reduce((total, key) => total + (sizes.get(key) ?? 0), 0);
  const models = await readModels(cache);
  return {
    models: models
      .map(({ address, files, key }) => ({ address, bytes: sum([key, ...files]) }))
      .sort((a, b) => ((a.address ?? "") < (b.address ?? "") ? -1 : 1)),
    bytes: sum(sizes.keys()),
  };
}

/**
 * Empties a cache, or removes one model from it.
 *
 * @param url - Address of the model, whatever its query; absent: all that is there.
 * @returns What was removed.
 */
export async function clearModelsIn(cache: ManagedCache, url?: string | URL): Promise<CachedModels> {
  const before = await modelsIn(cache);
  if (url === undefined) {
    for (const key of (await cache.list()).keys()) {
      await cache.remove(key);
    }
    return before;
  }
  const address = modelAddress(url).shown("");
  const removed = (await readModels(cache)).filter((model) => model.address === address);
  for (const { files, key } of removed) {
    await cache.remove(key);
    await removeUnused(cache, files);
  }
  const { bytes } = await modelsIn(cache);
  return { models: before.models.filter((model) => model.address === address), bytes: before.bytes - bytes };
}

/** Removes the files of a model that another has replaced, but for those that some model still has. */
export async function removeSuperseded(
  cache: ModelCache,
  { before, now }: { readonly before: Manifest; readonly now: Manifest },
): Promise<void> {
  const kept = new Set(keysOf(now));
  const superseded = keysOf(before).filter((key) => !kept.has(key));
  if (superseded.length > 0 && isManaged(cache)) {
    await removeUnused(cache, superseded);
  }
}

/** Whether a cache can be listed and emptied. */
export function isManaged(cache: ModelCache): cache is ManagedCache {
  return cache.list !== undefined && cache.remove !== undefined;
}

async function removeUnused(cache: ManagedCache, files: readonly string[]): Promise<void> {
  const used = new Set((await readModels(cache)).flatMap((model) => model.files));
  for (const key of files) {
    if (!used.has(key)) {
      await cache.remove(key);
    }
  }
}

interface KnownModel {
  readonly key: string;
  readonly address: string | undefined;
  /** Keys of its files. */
  readonly files: readonly string[];
}

/** The models whose manifests are in a cache; one that cannot be read is a model without files. */
async function readModels(cache: ManagedCache): Promise<KnownModel[]> {
  const models: KnownModel[] = [];
  for (const key of [...(await cache.list()).keys()].filter((name) => name.startsWith(manifestPrefix))) {
    models.push({ key, ...(await readModel(cache, key)) });
  }
  return models;
}

async function readModel(cache: ManagedCache, key: string): Promise<Omit<KnownModel, "key">> {
  try {
    const bytes = (await cache.read(key, maxManifestBytes)) ?? new Uint8Array(0);
    const files = keysOf(readManifest(bytes, noLimits));
    const { address } = (parseJson(new TextDecoder().decode(bytes)).value ?? {}) as { readonly address?: unknown };
    return { files, address: typeof address === "string" ? address : undefined };
  } catch {
    return { files: [], address: undefined };
  }
}

function keysOf(manifest: Manifest): string[] {
  return [...manifest.values()].map(({ sha256 }) => fileKey(sha256));
}
