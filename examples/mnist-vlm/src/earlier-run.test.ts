import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runCheckpoints } from "./checkpoints.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mmgen-vlm-earlier-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

it("a new run removes what an earlier one of other settings left, and nothing else", async () => {
  const folders = { results: join(root, "results"), checkpoints: join(root, "checkpoints") };
  const files = {
    results: ["generated_250.png", "reconstructions.png", "letters.jsonl", "report.html", "mine.png", "notes.html"],
    checkpoints: ["vqvae.safetensors", "transformer-250.safetensors", "transformer-best.safetensors"],
  };
  for (const name of ["results", "checkpoints"] as const) {
    await mkdir(folders[name]);
    await Promise.all(files[name].map((file) => writeFile(join(folders[name], file), "")));
  }
  await runCheckpoints(folders, [8]).clear();
  expect((await readdir(folders.results)).sort()).toEqual(["mine.png", "notes.html"]);
  expect(await readdir(folders.checkpoints)).toEqual(["transformer-best.safetensors"]);
});

it("a first run finds nothing to remove", async () => {
  const folders = { results: join(root, "none", "results"), checkpoints: join(root, "none", "checkpoints") };
  await expect(runCheckpoints(folders).clear()).resolves.toBeUndefined();
});
