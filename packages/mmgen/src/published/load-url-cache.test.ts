import { afterEach, describe, expect, it, vi } from "vitest";
import { loadUrl } from "./load-url.js";
import { manifestFile, manifestOf } from "./manifest.js";
import type { ModelCache } from "./model-cache.js";
import { modelOnTheWeb } from "./model-on-the-web.fixture.js";
import { memoryCache } from "./web-folder.fixture.js";

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
      }),
    });
    (await loadUrl(web.address)).dispose();
    expect(stored.size).toBe(5);
    web.taken();
    (await loadUrl(web.address)).dispose();
    expect(web.taken()).toEqual([manifestFile]);
    (await loadUrl(web.address, { cache: false })).dispose();
    expect(web.taken()).toHaveLength(5);
  });
});
