import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { AbortedError, CheckpointError, ConfigError, VocabularyError } from "@mmgen/core";
import { proceduralDigits } from "@mmgen/datasets";
import { Narrator } from "@mmgen/example-common";
import type { TrainingObserver } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { encode } from "fast-png";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { loadModels, runCheckpoints } from "./checkpoints.js";
import { commands } from "./commands.js";
import { lettersOf } from "./letters.js";
import { presets } from "./presets.js";
import { readDigits } from "./read-digits.js";
import { runVlm } from "./run.js";
import type { RunMetrics } from "./run-metrics.js";
import type { RunSettings } from "./settings.js";

const { tokenizer, transformer } = presets.smoke;
const settings: RunSettings = {
  preset: "smoke",
  config: {
    data: { trainCount: 128, validationCount: 16, testCount: 20 },
    tokenizer: { ...tokenizer, hidden: [16], batchSize: 64, warmUpSteps: 0 },
    transformer: { ...transformer, width: 16, layers: 1, steps: 5, batchSize: 32, checkpoints: [2] },
    sampling: { temperature: 0.5, topP: 0.8 },
    evaluation: { drawnPerDigit: 1, shownPerDigit: 1, classifierSteps: 2, embedded: 20 },
  },
  data: "procedural",
  seed: 3,
};

let root: string;
beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  root = await mkdtemp(join(tmpdir(), "mmgen-vlm-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const foldersOf = (name: string) => ({
  results: join(root, name, "results"),
  checkpoints: join(root, name, "checkpoints"),
});

interface Asked {
  readonly resume?: boolean;
  /** Training steps after which the run is stopped, counted over both models. */
  readonly stopAfter?: number;
  /** In place of the tests' own. */
  readonly change?: Partial<RunSettings>;
}

function run(
  name: string,
  { resume = false, stopAfter = Number.POSITIVE_INFINITY, change }: Asked = {},
): Promise<RunMetrics> {
  const controller = new AbortController();
  let left = stopAfter;
  const counter: TrainingObserver = {
    onStep: () => {
      left--;
      if (left === 0) {
        controller.abort();
      }
    },
  };
  const quiet = new PassThrough();
  quiet.resume();
  return runVlm({
    settings: { ...settings, ...change },
    folders: foldersOf(name),
    dataDir: undefined,
    resume,
    backend: "onnx",
    narrator: new Narrator(foldersOf(name), quiet),
    observers: [counter],
    signal: controller.signal,
  });
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

describe("runVlm", () => {
  it("writes every result, and stopped and resumed equals uninterrupted to the byte", async () => {
    const before = tf.memory().numTensors;
    const metrics = await run("whole");
    expect(tf.memory().numTensors).toBe(before);
    expect((await readdir(foldersOf("whole").results)).sort()).toEqual([
      "classifier.jsonl",
      "confusion.png",
      "generated_2.png",
      "generated_5.png",
      "image_token_logos.png",
      "latents.png",
      "letters.jsonl",
      "lines.jsonl",
      "metrics.json",
      "prediction_accuracy.png",
      "reconstructions.png",
      "report.html",
      "training_curves.png",
    ]);
    expect(metrics.accuracies.map(({ step, count }) => [step, count])).toEqual([
      [2, 20],
      [5, 20],
    ]);
    expect(metrics.reading.right).toBe(metrics.accuracies[1]!.right);
    // Of the original's 32 targets 24 are the line's, 7 padding, and one is the first character of another line.
    const { natsAsPublished, natsPerCharacter } = metrics.likelihood;
    expect(32 * natsAsPublished).toBeCloseTo(24 * natsPerCharacter + Math.log(2), 5);

    await expect(run("stopped", { stopAfter: 2 })).rejects.toSatisfy(aborted);
    expect(existsSync(runCheckpoints(foldersOf("stopped")).path("vqvae"))).toBe(false);
    await expect(run("stopped", { resume: true, stopAfter: 5 })).rejects.toSatisfy(aborted);
    expect(existsSync(runCheckpoints(foldersOf("stopped")).path("transformer"))).toBe(false);
    const resumed = await run("stopped", { resume: true });
    const steps = [2, 5];
    for (const file of ["vqvae", "transformer", "tokenizer", "transformer-2", "transformer-5"] as const) {
      const [one, other] = await Promise.all(
        ["whole", "stopped"].map((name) => readFile(runCheckpoints(foldersOf(name), steps).path(file))),
      );
      expect(one!.equals(other!), file).toBe(true);
    }
    expect(resumed.reading).toEqual(metrics.reading);
    expect(resumed.imageMetrics).toEqual(metrics.imageMetrics);
    await runCheckpoints(foldersOf("stopped")).clear();
    expect(await readdir(foldersOf("stopped").results)).toEqual([]);
    expect(await readdir(foldersOf("stopped").checkpoints)).toEqual(["data.json", "run.json"]);
  });

  it("trains on prepared lines alone, and leaves a model that reads letters", async () => {
    const path = join(root, "train.txt");
    const line = (letter: string, digit: number) => `image:${letter.repeat(8)}, number:${digit}.#######\n`;
    const text = Array.from({ length: 40 }, (_, i) => line("ABCDEFGHIJ"[i % 10]!, i % 10)).join("");
    await writeFile(path, text);
    await writeFile(join(root, "valid.txt"), text.slice(0, 330));
    const metrics = await run("lines", { change: { lines: path } });
    expect(metrics).toMatchObject({ evaluatedOn: "validation lines", reading: { count: 10 } });
    expect(metrics.imageMetrics).toBeUndefined();
    expect(existsSync(join(foldersOf("lines").results, "report.html"))).toBe(true);
    const rows = await printed(() => commands.classify([], { ...modelOptions("lines"), letters: ["AAAAAAAA"] }));
    expect(rows).toEqual([{ letters: "AAAAAAAA", digit: expect.any(Number) }]);
    await expect(commands.draw("7", drawOptions("lines", "none.png"))).rejects.toThrow(/vqvae\.safetensors/);
  });
});

describe("a configuration that the GPT cannot have", () => {
  it("is refused before anything is read, trained or removed", async () => {
    const config = { ...settings.config, transformer: { ...settings.config.transformer, heads: 3 } };
    await expect(run("refused", { change: { config } })).rejects.toThrow(/divisible by heads 3/);
    expect(existsSync(join(root, "refused"))).toBe(false);
  });
});

describe("classify and draw", () => {
  it("read back the images that were drawn from letters", async () => {
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
    expect(asInRun.equals(await drawn("same.png", settings.config.sampling))).toBe(true);
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
    const models = await loadModels(foldersOf("whole"));
    const codes = await models.vqvae.encode(images);
    const letters = lettersOf(models.tokenizer, codes);
    const signal = new AbortController().signal;
    const digits = await readDigits(models, codes, { seed: 1, temperature: 0, signal });
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
    ["nothing to read", () => commands.classify([], modelOptions("whole")), ConfigError, /either image files or/],
    ["no model", () => commands.draw("1", drawOptions("empty", "x.png")), CheckpointError, /npm run mnist-vlm/],
  ])("refuse %s, and write nothing", async (_, call, type, message) => {
    const error: unknown = await call().catch((reason) => reason);
    expect(type.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect(existsSync(join(root, "x.png"))).toBe(false);
  });

  it("name the checkpoint that belongs to another run", async () => {
    const { vqvae, transformer: model } = await loadModels(foldersOf("whole"));
    vqvae.dispose();
    model.dispose();
    const checkpoints = runCheckpoints(foldersOf("whole"));
    await writeFile(checkpoints.path("transformer"), await readFile(checkpoints.path("vqvae")));
    await expect(loadModels(foldersOf("whole"))).rejects.toThrow(/transformer\.safetensors/);
  });
});
