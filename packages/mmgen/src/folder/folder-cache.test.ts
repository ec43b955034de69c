import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { defaultLimits } from "@mmgen/core";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fetchModel } from "../published/fetch-model.js";
import { manifestFile, manifestOf } from "../published/manifest.js";
import { serveWebFolder, type WebFolder } from "../published/web-folder.fixture.js";
import { folderCache } from "./folder-cache.js";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const names = ["model.json", "tokenizer.json", "transformer.safetensors", "vqvae.safetensors"];
const files = new Map(names.map((name) => [name, new Uint8Array(randomBytes(name.endsWith("json") ? 1000 : 4e6))]));
let root: string;
let web: WebFolder;
let program: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mmgen-cache-"));
  web = await serveWebFolder(new Map([...files, [manifestFile, await manifestOf(files)]]));
  program = join(root, "load.mjs");
  const contents = `
    import { createHash } from "node:crypto";
    import { defaultLimits } from "@mmgen/core";
    import { fetchModel } from "../published/fetch-model.js";
    import { folderCache } from "./folder-cache.js";
    const [url, folder] = process.argv.slice(2);
    const config = { limits: defaultLimits, fetch, cache: folderCache(folder), offline: false };
    const files = await fetchModel(url, config);
    const sums = [...files].map(([name, bytes]) => [name, createHash("sha256").update(bytes).digest("hex")]);
    console.log(JSON.stringify(sums.sort()));`;
  const require = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
  await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "ts" },
    ...{ outfile: program, bundle: true, platform: "node", format: "esm", target: "node20" },
    ...{ banner: { js: require }, logLevel: "error" },
  });
});
afterAll(async () => {
  await web.close();
  await rm(root, { recursive: true });
});

it("is filled by two processes at once, each of which gets the model, and left whole", async () => {
  const folder = join(root, "models");
  // No process gets a file before the other has asked for it too: both fetch all, and write it at the same time.
  const waiting = new Map<string, ServerResponse[]>();
  web.behave((name, _, response) => {
    const asked = [...(waiting.get(name) ?? []), response];
    waiting.set(name, asked);
    if (asked.length === 2) {
      for (const each of asked) {
        const bytes = web.files.get(name)!;
        each.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, bytes.length / 2));
        setTimeout(() => each.end(bytes.subarray(bytes.length / 2)), 20);
      }
    }
    return true;
  });
  const load = async () => {
    const child = spawn(process.execPath, [program, web.address, folder]);
    const [stdout, stderr, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close") as Promise<[number]>,
    ]);
    expect([status, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout);
  };
  const expected = [...files].map(([name, bytes]) => [name, sha256(bytes)]).sort();
  expect(await Promise.all([load(), load()])).toEqual([expected, expected]);
  expect(web.taken()).toHaveLength(10);

  const kept = await readdir(folder);
  expect(kept.filter((name) => /^manifest-[0-9a-f]{64}$/.test(name))).toHaveLength(1);
  const sums = expected.map(([, sum]) => `sha256-${sum}`).sort();
  expect(kept.filter((name) => !name.startsWith("manifest-")).sort()).toEqual(sums);
  for (const name of sums) {
    expect(`sha256-${sha256(await readFile(join(folder, name)))}`).toBe(name);
  }
  const offline = { limits: defaultLimits, fetch, cache: folderCache(folder), offline: true };
  expect(await fetchModel(web.address, offline)).toEqual(files);
});
