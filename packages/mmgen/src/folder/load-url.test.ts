import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { AbortedError, ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { runCommand } from "../cli/terminal.fixture.js";
import { MultimodalModel } from "../model/multimodal-model.js";
import { tinyTraining } from "../model/tiny-training.fixture.js";
import { manifestFile } from "../published/manifest.js";
import { serveWebFolder, type WebFolder } from "../published/web-folder.fixture.js";
import { clearCachedModels, listCachedModels } from "./cached-models.js";
import { loadUrl } from "./load-url.js";

let root: string;
let saved: Map<string, Uint8Array>;
let web: WebFolder;
beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  root = await mkdtemp(join(tmpdir(), "mmgen-url-"));
  using model = await MultimodalModel.train(tinyTraining);
  saved = await model.save();
  web = await serveWebFolder(new Map(saved));
});
afterAll(async () => {
  await web.close();
  await rm(root, { recursive: true });
});
afterEach(() => {
  web.behave(undefined);
  web.taken();
  vi.unstubAllEnvs();
});

it("keeps files in a folder, under their checksums, and fetches a damaged one again", async () => {
  const cacheDir = join(root, "cache");
  (await loadUrl(web.address, { cacheDir })).dispose();
  const kept = join(cacheDir, "models");
  const names = await readdir(kept);
  expect(names.filter((name) => /^sha256-[0-9a-f]{64}$/.test(name))).toHaveLength(4);
  expect(names).toHaveLength(5);
  web.taken();
  using again = await loadUrl(web.address, { cacheDir });
  expect(await again.save()).toEqual(saved);
  expect(web.taken()).toEqual([manifestFile]);
  const sizes = await Promise.all(names.map(async (name) => (await readFile(join(kept, name))).length));
  const damaged = join(kept, names[sizes.indexOf(saved.get("vqvae.safetensors")!.length)]!);
  // Also a longer one, which is not read.
  for (const content of ["damaged", new Uint8Array(1e6)]) {
    await writeFile(damaged, content);
    (await loadUrl(web.address, { cacheDir })).dispose();
    expect(web.taken()).toEqual([manifestFile, "vqvae.safetensors"].sort());
    expect(new Uint8Array(await readFile(damaged))).toEqual(saved.get("vqvae.safetensors"));
  }
  (await loadUrl(web.address, { cacheDir, offline: true })).dispose();
  expect([web.taken(), (await readdir(kept)).sort()]).toEqual([[], names.sort()]);
});

it("takes the environment's folder, keeps nothing without a cache, and goes on where it cannot write", async () => {
  const cacheDir = join(root, "environment");
  vi.stubEnv("MMGEN_CACHE_DIR", cacheDir);
  (await loadUrl(web.address, { cache: false })).dispose();
  expect(await readdir(root)).not.toContain("environment");
  (await loadUrl(web.address)).dispose();
  expect(await readdir(join(cacheDir, "models"))).toHaveLength(5);
  await writeFile(join(root, "file"), "");
  (await loadUrl(web.address, { cacheDir: join(root, "file") })).dispose();
  await expect(loadUrl(web.address, { cacheDir: 7 as never })).rejects.toSatisfy(
    ConfigError.isInstance.bind(ConfigError),
  );
  await expect(loadUrl(web.address, { cachedir: "x" } as never)).rejects.toThrow("cache");
});

it("leaves no part of a file when it is stopped", async () => {
  const cacheDir = join(root, "stopped");
  const controller = new AbortController();
  web.behave((name, _, response) => {
    if (name === "vqvae.safetensors") {
      response.writeHead(200).write(new Uint8Array(500));
      setTimeout(() => controller.abort(), 100);
    }
    return name === "vqvae.safetensors";
  });
  const error = await loadUrl(web.address, { cacheDir, signal: controller.signal }).catch((reason) => reason);
  expect(AbortedError.isInstance(error), String(error)).toBe(true);
  const kept = await readdir(join(cacheDir, "models")).catch(() => []);
  expect(kept.filter((name) => !/^sha256-[0-9a-f]{64}$/.test(name))).toEqual([]);
  web.behave(undefined);
  (await loadUrl(web.address, { cacheDir })).dispose();
});

it("is what the commands do with an address, with a line of progress", async () => {
  vi.stubEnv("MMGEN_CACHE_DIR", join(root, "commands"));
  const out = join(root, "invented.png");
  const args = ["invent", `${web.address}?t0ken`, "--count", "1", "--out", out, "--backend", "onnx"];
  const { status, stderr } = await runCommand(args);
  expect(stderr).toMatch(
    /^Backend: .*\nLoading http:\/\/127\.0\.0\.1:\d+\/models\/shapes\/: ([\d.]+) of \1 kB\nWrote /,
  );
  expect([status, stderr.includes("t0ken")]).toEqual([0, false]);
  const bytes = (await listCachedModels()).bytes;
  const size = `${(bytes / 1e3).toFixed(1)} kB`;
  const listed = await runCommand(["cache"]);
  expect(listed).toEqual({
    ...{ status: 0, stdout: `${size.padStart(9)}  ${web.address}\n` },
    stderr: `1 model, ${size}, in ${join(root, "commands", "models")}\n`,
  });
  expect((await runCommand(["cache", web.address])).stdout).toBe(listed.stdout);
  const unknown = await runCommand(["cache", `${web.address}other`, "--clear"]);
  expect([unknown.status, unknown.stderr]).toEqual([1, expect.stringMatching(/other\/: no model of this address/)]);
  // What a process left that was killed as it wrote.
  const folder = join(root, "commands", "models");
  await writeFile(join(folder, `.sha256-${"0".repeat(64)}.d9428888.tmp`), new Uint8Array(500));
  await writeFile(join(folder, "notes.txt"), "of somebody else");
  const cleared = await runCommand(["cache", "--clear"]);
  expect([cleared.status, cleared.stderr]).toEqual([0, expect.stringMatching(/^Removed 1 model from .* freed\n$/)]);
  expect(await readdir(folder)).toEqual(["notes.txt"]);
  expect((await clearCachedModels({ cacheDir: join(root, "nowhere") })).bytes).toBe(0);
  const wrong = await runCommand(["invent", `${web.address}nowhere`, "--out", out, "--backend", "onnx"]);
  expect(wrong.stderr).toMatch(/\nError: http.*nowhere\/model-manifest\.json: there is no such file/);
  expect(wrong.status).toBe(1);
});
