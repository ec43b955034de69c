import { ConfigError } from "@mmgen/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { clearCachedModels, listCachedModels } from "./cached-models.js";
import { loadUrl } from "./load-url.js";
import { manifestFile, manifestOf } from "./manifest.js";
import type { ModelCache } from "./model-cache.js";
import { modelOnTheWeb } from "./model-on-the-web.fixture.js";
import { managedCache, memoryCache, serveWebFolder } from "./web-folder.fixture.js";

const web = modelOnTheWeb();
afterEach(() => vi.unstubAllGlobals());

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function refusal(options: Parameters<typeof loadUrl>[1]): Promise<Error> {
  return loadUrl(web.address, options).then(
    () => expect.fail("was loaded"),
    (reason: Error) => reason,
  );
}

describe("loadUrl with a cache", () => {
  it("requests the manifest alone the next time, and what is new of another model", async () => {
    const cache = memoryCache();
    (await loadUrl(web.address, { cache })).dispose();
    expect([...cache.files.keys()].every((key) => /^(sha256|manifest)-[0-9a-f]{64}$/.test(key))).toBe(true);
    expect(cache.files.size).toBe(5);
    web.taken();
    const told: number[] = [];
    using again = await loadUrl(web.address, { cache, onProgress: (bytes) => void told.push(bytes) });
    expect(await again.save()).toEqual(web.saved);
    expect(web.taken()).toEqual([manifestFile]);
    expect(told).toHaveLength(4);
    // The same weights with other sampling.
    const changed = bytesOf(new TextDecoder().decode(web.saved.get("model.json")).replace(/\n$/, " \n"));
    const next = new Map(web.saved).set("model.json", changed);
    next.delete(manifestFile);
    web.files.set("model.json", changed).set(manifestFile, await manifestOf(next));
    (await loadUrl(web.address, { cache })).dispose();
    expect(web.taken()).toEqual([manifestFile, "model.json"].sort());
  });

  it("fetches a damaged file again, and passes over a cache that does not work", async () => {
    const cache = memoryCache();
    (await loadUrl(web.address, { cache })).dispose();
    web.taken();
    const [key] = [...cache.files].find(([, bytes]) => bytes.length === web.saved.get("vqvae.safetensors")!.length)!;
    for (const damaged of [new Uint8Array(3), web.saved.get("vqvae.safetensors")!.map((byte) => byte ^ 1)]) {
      cache.files.set(key, damaged);
      (await loadUrl(web.address, { cache })).dispose();
      expect(web.taken()).toEqual([manifestFile, "vqvae.safetensors"].sort());
      expect(cache.files.get(key)).toEqual(web.saved.get("vqvae.safetensors"));
    }
    const broken: ModelCache = {
      read: () => Promise.reject(new Error("no")),
      write: () => Promise.reject(new Error("full")),
    };
    (await loadUrl(web.address, { cache: broken })).dispose();
    expect(web.taken()).toHaveLength(5);
  });

  it("loads without a server what is in the cache", async () => {
    const cache = memoryCache();
    expect((await refusal({ cache, offline: true })).message).toMatch(/not in the cache, and offline: true/);
    expect(web.taken()).toEqual([]);
    (await loadUrl(web.address, { cache })).dispose();
    web.taken();
    using offline = await loadUrl(web.address, { cache, offline: true });
    expect(await offline.save()).toEqual(web.saved);
    expect(web.taken()).toEqual([]);
    const lost: typeof fetch = () => Promise.reject(new TypeError("fetch failed"));
    (await loadUrl(web.address, { cache, fetch: lost })).dispose();
    const [key] = [...cache.files].find(([, bytes]) => bytes.length === web.saved.get("vqvae.safetensors")!.length)!;
    cache.files.delete(key);
    expect((await refusal({ cache, offline: true })).message).toMatch(/vqvae\.safetensors: not whole in the cache/);
    expect((await refusal({ cache, fetch: lost })).message).toMatch(/vqvae\.safetensors: cannot be fetched/);
    // A server that answers is believed.
    web.files.delete(manifestFile);
    expect((await refusal({ cache })).message).toMatch(/there is no such file/);
  });

  it("loads twice at once", async () => {
    const cache = memoryCache();
    const models = await Promise.all([loadUrl(web.address, { cache }), loadUrl(web.address, { cache })]);
    for (const model of models) {
      expect(await model.save()).toEqual(web.saved);
      model.dispose();
    }
  });

  it("is the browser's Cache API where there is one", async () => {
    const stored = new Map<string, Response>();
    vi.stubGlobal("caches", {
      open: async () => ({
        match: async (key: string) => stored.get(key)?.clone(),
        put: async (key: string, response: Response) => void stored.set(key, response),
        keys: async () => [...stored.keys()].map((url) => ({ url })),
        delete: async (key: string) => stored.delete(key),
      }),
    });
    (await loadUrl(web.address)).dispose();
    expect(stored.size).toBe(5);
    const sizes = await Promise.all([...stored.values()].map(async (each) => (await each.clone().blob()).size));
    const bytes = sizes.reduce((sum, size) => sum + size);
    expect(await listCachedModels()).toEqual({ models: [{ address: web.address, bytes }], bytes });
    web.taken();
    (await loadUrl(web.address)).dispose();
    expect(web.taken()).toEqual([manifestFile]);
    (await loadUrl(web.address, { cache: false })).dispose();
    expect(web.taken()).toHaveLength(5);
    expect((await clearCachedModels({ url: web.address })).bytes).toBe(bytes);
    expect([stored.size, await listCachedModels()]).toEqual([0, { models: [], bytes: 0 }]);
  });

  it("lets go of the files of a model that was replaced, but for those that another has", async () => {
    const cache = managedCache();
    const twin = await serveWebFolder(new Map(web.saved));
    const keys = async () => [...(await cache.list()).keys()].sort();
    try {
      (await loadUrl(web.address, { cache })).dispose();
      const before = await keys();
      (await loadUrl(web.address, { cache })).dispose();
      expect(await keys()).toEqual(before);
      (await loadUrl(`${twin.address}?token=s3cret`, { cache })).dispose();
      expect(await keys()).toHaveLength(6);
      const replace = async (files: Map<string, Uint8Array>, space: string) => {
        const model = bytesOf(new TextDecoder().decode(web.saved.get("model.json")).replace(/\n$/, space));
        const next = new Map(web.saved).set("model.json", model);
        next.delete(manifestFile);
        files.set("model.json", model).set(manifestFile, await manifestOf(next));
      };
      await replace(web.files, " \n");
      (await loadUrl(web.address, { cache })).dispose();
      // One more: the twin has the old one still.
      expect(await keys()).toHaveLength(7);
      await replace(twin.files, "  \n");
      (await loadUrl(`${twin.address}?token=s3cret`, { cache })).dispose();
      expect(await keys()).toHaveLength(7);
      (await loadUrl(web.address, { cache, offline: true })).dispose();

      const { bytes, models } = await listCachedModels({ cache });
      expect(models.map(({ address }) => address)).toEqual([web.address, twin.address].sort());
      const lengths = [...(await cache.list()).values()];
      expect(bytes).toBe(lengths.reduce((sum, length) => sum + length));
      // What both have counts for both.
      expect(models[0]!.bytes + models[1]!.bytes).toBeGreaterThan(bytes);
      // Only the twin's manifest and model.json.
      const removed = await clearCachedModels({ cache, url: `${twin.address}?token=other` });
      expect(removed.models).toEqual(models.filter(({ address }) => address === twin.address));
      expect(await keys()).toHaveLength(5);
      expect(removed.bytes).toBe(bytes - (await listCachedModels({ cache })).bytes);
      (await loadUrl(web.address, { cache, offline: true })).dispose();
      expect((await clearCachedModels({ cache })).models).toHaveLength(1);
      expect(await keys()).toEqual([]);
    } finally {
      await twin.close();
    }
  });

  it("lists damaged manifests, and refuses caches that cannot be listed", async () => {
    const cache = managedCache();
    (await loadUrl(web.address, { cache })).dispose();
    for (const [key, bytes] of cache.files) {
      cache.files.set(key, key.startsWith("manifest") ? bytes.subarray(9) : bytes);
    }
    expect((await listCachedModels({ cache })).models).toEqual([{ address: undefined, bytes: expect.any(Number) }]);
    expect((await clearCachedModels({ cache })).bytes).toBeGreaterThan(0);
    expect(cache.files.size).toBe(0);
    for (const options of [{ cache: memoryCache() }, { cash: cache }]) {
      await expect(listCachedModels(options as never)).rejects.toSatisfy(ConfigError.isInstance.bind(ConfigError));
      await expect(clearCachedModels(options as never)).rejects.toThrow("cache");
    }
    await expect(clearCachedModels({ cache, url: "models/shapes" })).rejects.toThrow(/beginning with https/);
    // Neither a cache nor a browser's.
    expect(await listCachedModels()).toEqual({ models: [], bytes: 0 });
  });
});
