import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { AbortedError, CheckpointError, ConfigError, VocabularyError } from "@mmgen/core";
import { proceduralDigits } from "@mmgen/datasets";
import * as tf from "@tensorflow/tfjs-core";
import { encode } from "fast-png";
import { loadModelParts } from "mmgen";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { commands } from "./commands.js";
import type { RunSettings } from "./config.js";
import { classifyDigits } from "./evaluate.js";
import { formatLetters, loadCheckpoint } from "./lines.js";
import { quietRun, tinySettings } from "./pipeline.fixture.js";
import { earlierFiles, runPipeline } from "./pipeline.js";
import type { RunMetrics } from "./report.js";

let root: string;
beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  root = await mkdtemp(join(tmpdir(), "mmgen-vlm-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const folderOf = (name: string) => quietRun(join(root, name)).folder;

interface RunChoices {
  readonly resume?: boolean;
  /** Training steps after which the run is stopped, counted over both models. */
  readonly stopAfter?: number;
  /** In place of the tests' own. */
  readonly change?: Partial<RunSettings>;
}

function run(
  name: string,
  { resume = false, stopAfter = Number.POSITIVE_INFINITY, change }: RunChoices = {},
): Promise<RunMetrics> {
  const controller = new AbortController();
  let left = stopAfter;
  const counter = {
    onStart: () => {},
    onStep: () => {
      left--;
      if (left === 0) {
        controller.abort();
      }
    },
  };
  const settings = { ...tinySettings, ...change };
  const result = runPipeline(
    quietRun(join(root, name), { settings, resume, observers: [counter], signal: controller.signal }),
  );
  return result as Promise<RunMetrics>;
}

/** The JSON lines that a command writes on standard output. */
async function printed(call: () => Promise<void>): Promise<unknown[]> {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    await call();
    const text = write.mock.calls.map(([chunk]) => String(chunk)).join("");
    return text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  } finally {
    write.mockRestore();
  }
}

const aborted = AbortedError.isInstance.bind(AbortedError);
const modelOptions = (name: string) => ({ checkpoints: join(root, name), backend: "onnx" as const });
const drawOptions = (name: string, out: string) => ({
  ...{ ...modelOptions(name), count: 2, out: join(root, out), seed: 1, temperature: 0.8, topP: 1 },
});

describe("runPipeline", () => {
  it("writes every result, and stopped and resumed equals uninterrupted to the byte", async () => {
    const before = tf.memory().numTensors;
    const metrics = await run("whole");
    expect(tf.memory().numTensors).toBe(before);
    expect((await readdir(folderOf("whole").results)).sort()).toEqual([
      "classifier.jsonl",
      "confusion.png",
      "generated_2.png",
      "generated_5.png",
      "image_token_logos.png",
      "latents.png",
      "metrics.json",
      "prediction_accuracy.png",
      "reconstructions.png",
      "report.html",
      "training_curves.png",
      "transformer.jsonl",
      "vqvae.jsonl",
    ]);
    expect(metrics.accuracies.map(({ step, count }) => [step, count])).toEqual([
      [2, 20],
      [5, 20],
    ]);
    expect(metrics.classification.correct).toBe(metrics.accuracies[1]!.correct);
    // Of the published 32 targets 24 are the line's, 7 padding, and one is the first character of another line.
    const { natsAsPublished, natsPerCharacter } = metrics.likelihood;
    expect(32 * natsAsPublished).toBeCloseTo(24 * natsPerCharacter + Math.log(2), 5);

    await expect(run("stopped", { stopAfter: 2 })).rejects.toSatisfy(aborted);
    expect(await folderOf("stopped").read("vqvae.safetensors")).toBeUndefined();
    await expect(run("stopped", { resume: true, stopAfter: 5 })).rejects.toSatisfy(aborted);
    expect(await folderOf("stopped").read("transformer.safetensors")).toBeUndefined();
    const resumed = await run("stopped", { resume: true });
    for (const part of ["vqvae", "transformer", "transformer-2", "transformer-5"]) {
      const file = `${part}.safetensors`;
      const [one, other] = await Promise.all(["whole", "stopped"].map((name) => folderOf(name).read(file)));
      expect(Buffer.compare(one!, other!), file).toBe(0);
    }
    expect(await folderOf("stopped").read("tokenizer.json")).toEqual(await folderOf("whole").read("tokenizer.json"));
    expect(resumed.classification).toEqual(metrics.classification);
    expect(resumed.imageMetrics).toEqual(metrics.imageMetrics);

    const data = { source: "others", sha256: "0".repeat(64) };
    const next = folderOf("stopped");
    await next.begin({ settings: tinySettings, data, resume: false, force: true, earlier: earlierFiles });
    await next.release();
    expect(await readdir(next.results)).toEqual([]);
    expect(await readdir(next.checkpoints)).toEqual(["data.json", "run.json"]);
  });

  it("trains on prepared lines alone, and leaves a model that classifies letters", async () => {
    const path = join(root, "train.txt");
    const line = (letter: string, digit: number) => `image:${letter.repeat(8)}, number:${digit}.#######\n`;
    const text = Array.from({ length: 40 }, (_, i) => line("ABCDEFGHIJ"[i % 10]!, i % 10)).join("");
    await writeFile(path, text);
    await writeFile(join(root, "valid.txt"), text.slice(0, 330));
    const metrics = await run("lines", { change: { lines: path } });
    expect(metrics).toMatchObject({ evaluatedOn: "validation lines", classification: { count: 10 } });
    expect(metrics.imageMetrics).toBeUndefined();
    expect(existsSync(join(folderOf("lines").results, "report.html"))).toBe(true);
    const rows = await printed(() => commands.classify([], { ...modelOptions("lines"), letters: ["AAAAAAAA"] }));
    expect(rows).toEqual([{ letters: "AAAAAAAA", digit: expect.any(Number) }]);
    await expect(commands.draw("7", drawOptions("lines", "none.png"))).rejects.toThrow(/vqvae\.safetensors/);
  });
});

describe("a configuration that the transformer cannot have", () => {
  it("is refused before anything is read, trained or removed", async () => {
    const config = { ...tinySettings.config, transformer: { ...tinySettings.config.transformer, heads: 3 } };
    await expect(run("refused", { change: { config } })).rejects.toThrow(
      /divisible by heads; got width 16 and heads 3/,
    );
    expect(existsSync(join(root, "refused"))).toBe(false);
  });
});

describe("classify and draw", () => {
  it("decode letters, and refuse a grid of images", async () => {
    const out = join(root, "letters.png");
    await commands.draw(undefined, { ...drawOptions("whole", "letters.png"), letters: ["ABCDEFGH"] });
    await commands.draw("7", drawOptions("whole", "sevens.png"));
    expect([existsSync(out), existsSync(join(root, "sevens.png"))]).toEqual([true, true]);
    // A grid is no image of 28×28.
    await expect(commands.classify([out], modelOptions("whole"))).rejects.toThrow(/expected 28×28 pixels/);
  });

  it("draw as the run does unless told otherwise", async () => {
    const drawn = async (name: string, sampling: { temperature?: number; topP?: number }) => {
      const options = { ...modelOptions("whole"), count: 9, seed: 1, out: join(root, name) };
      await commands.draw("7", { ...options, ...sampling });
      return readFile(options.out);
    };
    const asInRun = await drawn("default.png", {});
    expect(asInRun.equals(await drawn("same.png", tinySettings.config.sampling))).toBe(true);
    expect(asInRun.equals(await drawn("other.png", { temperature: 1, topP: 1 }))).toBe(false);
    expect(asInRun.equals(await drawn("half.png", { topP: 1 }))).toBe(false);
    expect(asInRun.equals(await drawn("greedy.png", { temperature: 0 }))).toBe(false);
  });

  it("read image files as the models do", async () => {
    const { images } = proceduralDigits({ seed: 5, count: 2 });
    const files = ["one.png", "two.png"].map((name) => join(root, name));
    for (const [i, file] of files.entries()) {
      const data = images.data.slice(i * 28 * 28, (i + 1) * 28 * 28);
      await writeFile(file, encode({ data, width: 28, height: 28, channels: 1, depth: 8 }));
    }
    const models = await folderOf("whole").load(loadModelParts);
    const codes = await models.vqvae.encode(images);
    const letters = formatLetters(models.tokenizer, codes);
    const signal = new AbortController().signal;
    const digits = await classifyDigits(models, codes, { seed: 1, temperature: 0, signal });
    models.vqvae.dispose();
    models.transformer.dispose();
    expect(letters[0]).not.toBe(letters[1]);
    expect(await printed(() => commands.classify(files, modelOptions("whole")))).toEqual([
      { file: files[0], letters: letters[0], digit: digits[0] },
      { file: files[1], letters: letters[1], digit: digits[1] },
    ]);
  });

  it.each<[string, () => Promise<void>, { isInstance(value: unknown): boolean }, RegExp]>([
    ["a digit of two", () => commands.draw("12", drawOptions("whole", "x.png")), ConfigError, /from 0 to 9, got "12"/],
    ["no digit", () => commands.draw(undefined, drawOptions("whole", "x.png")), ConfigError, /either a digit or/],
    [
      "no image",
      () => commands.draw("1", { ...drawOptions("whole", "x.png"), count: 0 }),
      ConfigError,
      /from 1 to 1000, got 0/,
    ],
    [
      "more images than a grid holds",
      () => commands.draw("1", { ...drawOptions("whole", "x.png"), count: 1_000_000_000 }),
      ConfigError,
      /from 1 to 1000, got 1000000000/,
    ],
    [
      "a letter missing",
      () => commands.draw(undefined, { ...drawOptions("whole", "x.png"), letters: ["ABCDEFG"] }),
      VocabularyError,
      /8 letters, got 7/,
    ],
    [
      "an unknown letter",
      () => commands.classify([], { ...modelOptions("whole"), letters: ["ABCDEFG?"] }),
      VocabularyError,
      /no image has the letter "\?"/,
    ],
    ["nothing to classify", () => commands.classify([], modelOptions("whole")), ConfigError, /either image files or/],
    ["no model", () => commands.draw("1", drawOptions("empty", "x.png")), CheckpointError, /npm run mnist-vlm/],
  ])("refuse %s, and write nothing", async (_, call, type, message) => {
    const error: unknown = await call().catch((reason) => reason);
    expect(type.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect(existsSync(join(root, "x.png"))).toBe(false);
  });

  it("name the checkpoint that belongs to another run", async () => {
    const { tokenizer, vqvae, transformer: model } = await folderOf("whole").load(loadModelParts);
    const folder = folderOf("whole");
    await folder.write("transformer-2.safetensors", await model.toSafetensors({ run: "other" }));
    const error: unknown = await loadCheckpoint(folder, 2, { tokenizer, vqvae }).catch((reason) => reason);
    expect(CheckpointError.isInstance(error), String(error)).toBe(true);
    expect((error as Error).message).toContain(`"other" (string), not "${vqvae.run}" (string)`);
    vqvae.dispose();
    model.dispose();
    await folder.write("transformer.safetensors", (await folder.read("vqvae.safetensors"))!);
    await expect(folder.load(loadModelParts)).rejects.toThrow(/transformer\.safetensors/);
  });
});
