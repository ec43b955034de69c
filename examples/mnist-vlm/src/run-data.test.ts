import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { AbortedError, CheckpointError, readSafetensors, writeSafetensors } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunSettings } from "./config.js";
import { quietRun, tinySettings } from "./pipeline.fixture.js";
import { earlierFiles, runPipeline } from "./pipeline.js";

const settings: RunSettings = {
  ...tinySettings,
  config: { ...tinySettings.config, data: { trainCount: 64, validationCount: 4, testCount: 4 } },
};

let root: string;
beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  root = await mkdtemp(join(tmpdir(), "mmgen-vlm-data-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A run that is stopped before its first step. */
async function stopped(name: string, change: Partial<RunSettings>, resume: boolean): Promise<unknown> {
  const run = { settings: { ...settings, ...change }, resume, signal: AbortSignal.abort() };
  return runPipeline(quietRun(join(root, name), run)).catch((reason) => reason);
}

async function linesFile(digits: string): Promise<string> {
  const path = join(root, "train.txt");
  const lines = Array.from({ length: 32 }, (_, i) => `image:ABCDEFGH, number:${digits[i % digits.length]}.#######\n`);
  await writeFile(path, lines.join(""));
  await writeFile(join(root, "valid.txt"), lines.join(""));
  return path;
}

describe("a resume", () => {
  it("goes on with the images the run began with, and refuses as many others", async () => {
    expect(AbortedError.isInstance(await stopped("images", {}, false))).toBe(true);
    expect(AbortedError.isInstance(await stopped("images", {}, true))).toBe(true);
    const { folder } = quietRun(join(root, "images"));
    const file = "vqvae-training.safetensors";
    const own = (await folder.read(file))!;
    const { metadata, tensors } = readSafetensors(own);
    const { runId, ...state } = JSON.parse(metadata.run!);
    const run = JSON.stringify({ ...state, runId: "other" });
    const { checksum: _, ...unsummed }: Record<string, string> = { ...metadata, run };
    await folder.write(file, writeSafetensors({ tensors, metadata: unsummed }));
    const foreign = await stopped("images", {}, true);
    await folder.write(file, own);
    expect(CheckpointError.isInstance(foreign), String(foreign)).toBe(true);
    expect((foreign as Error).message).toContain(`"other" (string), not "${runId}" (string)`);
    const error = await stopped("images", { seed: 4 }, true);
    expect(CheckpointError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(/seed 3.*seed 4.*--data-dir/);
  });

  it("goes on with the lines the run began with, and refuses as many others", async () => {
    const lines = await linesFile("0123456789");
    expect(AbortedError.isInstance(await stopped("lines", { lines }, false))).toBe(true);
    expect(AbortedError.isInstance(await stopped("lines", { lines }, true))).toBe(true);
    await linesFile("9876543210");
    expect(CheckpointError.isInstance(await stopped("lines", { lines }, true))).toBe(true);
  });
});

it("a new run removes what an earlier one of other settings left, and nothing else", async () => {
  const { folder } = quietRun(join(root, "earlier"));
  const files = {
    results: ["generated_250.png", "reconstructions.png", "letters.jsonl", "report.html", "mine.png", "notes.html"],
    checkpoints: ["vqvae.safetensors", "transformer-250.safetensors", "transformer-best.safetensors"],
  };
  for (const name of ["results", "checkpoints"] as const) {
    await mkdir(folder[name], { recursive: true });
    await Promise.all(files[name].map((file) => writeFile(join(folder[name], file), "")));
  }
  const data = { source: "none", sha256: "0".repeat(64) };
  await folder.begin({ settings, data, resume: false, force: true, earlier: earlierFiles });
  await folder.release();
  expect((await readdir(folder.results)).sort()).toEqual(["mine.png", "notes.html"]);
  expect((await readdir(folder.checkpoints)).sort()).toEqual(["data.json", "run.json", "transformer-best.safetensors"]);
});
