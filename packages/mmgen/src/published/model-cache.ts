/**
 * Where files of models are kept that were fetched. Keys are letters, digits and hyphens. What goes wrong in it is passed
 * over: a file is then fetched.
 */
export interface ModelCache {
  /** The bytes under a key, or undefined. They are checked by the caller; more than `maxBytes` are never asked for. */
  read(key: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Keeps bytes, in place of what was there, so that whoever reads at the same time gets either whole. */
  write(key: string, bytes: Uint8Array): Promise<void>;
  /** Every key with the length of its bytes. Absent, with `remove`: files of replaced models stay, and nothing is listed. */
  list?(): Promise<ReadonlyMap<string, number>>;
  /** Forgets a key, which may be forgotten already. */
  remove?(key: string): Promise<void>;
}

/** A cache that can be listed and emptied. */
export type ManagedCache = Required<ModelCache>;

const cacheName = "mmgen-models";

/**
 * The browser's Cache API, which pages and workers of one origin share.
 *
 * @returns undefined where there is none: in Node, and in pages that came by plain http.
 */
export function browserCache(): ManagedCache | undefined {
  const storage = globalThis.caches as CacheStorage | undefined;
  if (storage === undefined) {
    return undefined;
  }
  // Keys are addresses there; nothing is requested from this one.
  const base = "https://mmgen.invalid/";
  const addressOf = (key: string) => `${base}${key}`;
  return {
    async read(key) {
      const found = await (await storage.open(cacheName)).match(addressOf(key));
      return found && new Uint8Array(await found.arrayBuffer());
    },
    async write(key, bytes) {
      await (await storage.open(cacheName)).put(addressOf(key), new Response(bytes as Uint8Array<ArrayBuffer>));
    },
    async list() {
      const cache = await storage.open(cacheName);
      const sizes = new Map<string, number>();
      for (const { url } of await cache.keys()) {
        const blob = await (await cache.match(url))?.blob();
        sizes.set(url.slice(base.length), blob?.size ?? 0);
      }
      return sizes;
    },
    async remove(key) {
      await (await storage.open(cacheName)).delete(addressOf(key));
    },
  };
}
