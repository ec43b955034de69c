import { AbortedError, CheckpointError, ConfigError, DataError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { loadUrl } from "./load-url.js";
import { manifestFile, manifestOf } from "./manifest.js";
import { modelOnTheWeb } from "./model-on-the-web.fixture.js";
import { memoryCache, serveWebFolder } from "./web-folder.fixture.js";

const web = modelOnTheWeb();

const modelNames = ["model.json", "tokenizer.json", "transformer.safetensors", "vqvae.safetensors"];
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** What a load is refused with; nothing of the model stays. */
async function refusal(options: Parameters<typeof loadUrl>[1] = {}, url: string | URL = web.address): Promise<Error> {
  const tensors = tf.memory().numTensors;
  const error = await loadUrl(url, options).then(
    () => expect.fail("was loaded"),
    (reason: Error) => reason,
  );
  expect(tf.memory().numTensors).toBe(tensors);
  return error;
}

describe("loadUrl", () => {
  it("loads what was saved, and tells how far it is", async () => {
    const told: [number, number][] = [];
    using model = await loadUrl(web.address, { onProgress: (...progress) => void told.push(progress) });
    expect(await model.save()).toEqual(web.saved);
    expect(web.taken()).toEqual([manifestFile, ...modelNames].sort());
    const total = modelNames.reduce((sum, name) => sum + web.saved.get(name)!.length, 0);
    expect(told.at(-1)).toEqual([total, total]);
    expect(told.map(([bytes]) => bytes)).toEqual(told.map(([bytes]) => bytes).sort((a, b) => a - b));
  });

  it("takes the folder with a slash or without, its manifest, a URL, a query, and follows redirects", async () => {
    const folder = web.address.slice(0, -1);
    for (const url of [folder, `${web.address}${manifestFile}`, new URL(`${folder}#part`)]) {
      (await loadUrl(url)).dispose();
      expect(web.taken()).toEqual([manifestFile, ...modelNames].sort());
    }
    (await loadUrl(`${folder}?download=true&token=a%2Fb`)).dispose();
    expect(web.taken()).toContain("vqvae.safetensors?download=true&token=a%2Fb");
    // As Hugging Face's /resolve/, which leads to another host for large files.
    web.behave((name, { url }, response) => {
      const isNew = url!.endsWith("?moved");
      if (!isNew) {
        response.writeHead(302, { location: `/models/shapes/${name}?moved` }).end();
      }
      return !isNew;
    });
    (await loadUrl(folder)).dispose();
    expect(web.taken().filter((path) => path.endsWith("?moved"))).toHaveLength(5);
  });

  it("sends requests by the fetch that it is given", async () => {
    const asked: string[] = [];
    const fetchWithToken: typeof fetch = (url, init) => {
      asked.push(String(url));
      return fetch(url, { ...init, headers: { authorization: "Bearer t0ken" } });
    };
    web.behave((_, { headers }, response) => {
      const isAllowed = headers.authorization === "Bearer t0ken";
      if (!isAllowed) {
        response.writeHead(401).end();
      }
      return !isAllowed;
    });
    (await loadUrl(web.address, { fetch: fetchWithToken })).dispose();
    expect(asked).toHaveLength(5);
    expect((await refusal()).message).toMatch(/may not be read, or is not there \(status 401\).*token/);
  });

  it.each<[string, () => void, RegExp]>([
    ["a folder without a manifest", () => web.files.delete(manifestFile), /there is no such file .*saveTo\(folder, /],
    ["a missing file", () => web.files.delete("vqvae.safetensors"), /vqvae\.safetensors: there is no such file/],
    [
      "a changed file",
      () =>
        web.files.set(
          "tokenizer.json",
          web.saved.get("tokenizer.json")!.map((byte, i) => (i === 9 ? 32 : byte)),
        ),
      /tokenizer\.json: expected the SHA-256 [0-9a-f]{64}, as model-manifest\.json says, got [0-9a-f]{64}/,
    ],
    [
      "a truncated file",
      () => web.files.set("vqvae.safetensors", web.saved.get("vqvae.safetensors")!.slice(0, -1)),
      /vqvae\.safetensors: expected \d+ bytes, as model-manifest\.json says, got \d+/,
    ],
    [
      "a longer file",
      () => web.files.set("model.json", new Uint8Array(100_000)),
      /model\.json: expected at most \d+ bytes, got more/,
    ],
    ["no manifest of ours", () => web.files.set(manifestFile, bytesOf("{}")), /expected format "mmgen-manifest"/],
    ["an endless manifest", () => web.files.set(manifestFile, new Uint8Array(2e6)), /at most 1000000 bytes, got more/],
  ])("refuses %s", async (_, change, message) => {
    change();
    const error = await refusal();
    expect(error.message).toMatch(message);
    expect(error.message).toContain(web.address);
    expect(CheckpointError.isInstance(error)).toBe(true);
  });

  it("says where a server gives a web page in place of a file", async () => {
    web.behave((name, _, response) => {
      const isPage = name === of;
      if (isPage) {
        response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<!doctype html><p>Log in</p>");
      }
      return isPage;
    });
    let of = manifestFile;
    expect((await refusal()).message).toMatch(/is not JSON.*gives a web page.*\/resolve\/.*\/raw\/.*log in/);
    of = "vqvae.safetensors";
    expect((await refusal()).message).toMatch(/expected \d+ bytes.*gives a web page/);
  });

  it("requests nothing but a model's files, and nothing beyond the limits", async () => {
    const withOther = await manifestOf(new Map([...web.saved, ["weights.bin", bytesOf("x")]]));
    web.files.set(manifestFile, withOther);
    (await loadUrl(web.address)).dispose();
    expect(web.taken()).not.toContain("weights.bin");
    const hostile = new TextDecoder().decode(withOther).replace("weights.bin", "../../secret");
    web.files.set(manifestFile, bytesOf(hostile));
    expect((await refusal()).message).toMatch(/names of files beside it, got "\.\.\/\.\.\/secret"/);
    web.files.set(manifestFile, web.saved.get(manifestFile)!);
    expect((await refusal({ limits: { fileBytes: 1000 } })).message).toMatch(/at most 1000 bytes.*limits\.fileBytes/);
    expect(web.taken()).toEqual([manifestFile, manifestFile]);
    web.files.set(manifestFile, await manifestOf(new Map([["model.json", web.saved.get("model.json")!]])));
    expect((await refusal()).message).toMatch(/expected it to list vqvae\.safetensors/);
  });

  it("tells a server that does not answer from one that lacks a file", async () => {
    web.behave((_, __, response) => {
      response.writeHead(503).end();
      return true;
    });
    const busy = await refusal();
    expect([busy.message, DataError.isInstance(busy)]).toEqual([expect.stringMatching(/status 503.*later/), true]);
    web.behave((name, _, response) => {
      if (name !== "vqvae.safetensors") {
        return false;
      }
      response.writeHead(200, { "content-length": 1e5 }).write(new Uint8Array(2000));
      setTimeout(() => response.destroy(), 50);
      return true;
    });
    const broken = await refusal();
    expect([broken.message, DataError.isInstance(broken)]).toEqual([
      expect.stringMatching(/vqvae\.safetensors: the connection broke off after 2000 bytes: .*again/),
      true,
    ]);
    const closed = await serveWebFolder(new Map());
    await closed.close();
    const gone = await refusal({}, closed.address);
    expect([gone.message, DataError.isInstance(gone)]).toEqual([
      expect.stringMatching(/cannot be fetched: ECONNREFUSED\. Check the address/),
      true,
    ]);
  });

  it("stops when the signal fires, and leaves nothing behind", async () => {
    const cache = memoryCache();
    const controller = new AbortController();
    web.behave((name, _, response) => {
      if (!name.endsWith(".safetensors")) {
        return false;
      }
      response.writeHead(200).write(new Uint8Array(500));
      return true;
    });
    const onProgress = (bytes: number) => bytes >= 1000 && controller.abort(new Error("enough"));
    const error = await refusal({ cache, signal: controller.signal, onProgress: onProgress as never });
    expect(AbortedError.isInstance(error), String(error)).toBe(true);
    expect(error).toMatchObject({ message: `Loading ${web.address} was stopped.`, cause: { message: "enough" } });
    expect([...cache.files].every(([key, { length }]) => key.startsWith("sha256-") && length !== 500)).toBe(true);
    web.taken();
    expect(AbortedError.isInstance(await refusal({ signal: AbortSignal.abort() }))).toBe(true);
    expect(web.taken()).toEqual([]);
  });

  it.each<[string, unknown, RegExp]>([
    ["a path", "models/shapes", /beginning with https:\/\/ or http:\/\/, got "models\/shapes".*loadFrom/],
    ["a file's address", "file:///models", /got "file:\/\/\/models"/],
    ["a number", 7, /got 7/],
    ["a password", "https://u:s3cret@example.com/m", /without user and password, got one of example\.com/],
  ])("refuses %s as address", async (_, url, message) => {
    const error = await refusal({}, url as string);
    expect([error.message, ConfigError.isInstance(error)]).toEqual([expect.stringMatching(message), true]);
    expect(error.message).not.toContain("s3cret");
  });

  it("refuses options that cannot be, before it requests anything", async () => {
    for (const options of [{ cashe: false }, { cache: {} }, { fetch: 7 }, { signal: {} }, { offline: 1 }, null, 7]) {
      const error = await refusal(options as never);
      expect(ConfigError.isInstance(error), String(error)).toBe(true);
    }
    expect(web.taken()).toEqual([]);
  });

  it("never shows a query, which may hold a token", async () => {
    web.files.delete("vqvae.safetensors");
    expect((await refusal({}, `${web.address}?token=s3cret`)).message).not.toContain("s3cret");
  });
});
