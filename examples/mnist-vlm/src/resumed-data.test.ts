import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { AbortedError, CheckpointError } from "@mmgen/core";
import { Narrator } from "@mmgen/example-common";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { presets } from "./presets.js";
import { runVlm } from "./run.js";
import type { RunSettings } from "./settings.js";

const { tokenizer, transformer } = presets.smoke;
const settings: RunSettings = {
  preset: "smoke",
  config: {
    ...presets.smoke,
    data: { trainCount: 32, validationCount: 4, testCount: 4 },
    tokenizer: { ...tokenizer, hidden: [16], batchSize: 32 },
    transformer: { ...transformer, width: 16, layers: 1, batchSize: 32 },
  },
  data: "procedural",
  seed: 3,
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
  const folders = { results: join(root, name, "results"), checkpoints: join(root, name, "checkpoints") };
  return runVlm({
    ...{ settings: { ...settings, ...change }, folders, resume, backend: "onnx", observers: [] },
    dataDir: undefined,
    narrator: new Narrator(folders, new PassThrough().resume()),
    signal: AbortSignal.abort(),
  }).catch((reason) => reason);
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
