import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError, ConfigError } from "@mmgen/core";
import { resolveOptions } from "@mmgen/core/options";
import { RunFolder } from "@mmgen/example-harness";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  checkConfig,
  presets,
  type RunSettings,
  runs,
  type TrainFlags,
  type VlmConfig,
  vlmConfigSchema,
} from "./config.js";

const settings: RunSettings = { preset: "smoke", config: presets.smoke, data: "procedural", seed: 1 };
const withConfig = (config: RunSettings["config"]): RunSettings => ({ ...settings, config });
const smoke: VlmConfig = presets.smoke;

describe("checkConfig", () => {
  it.each(Object.entries(presets))("takes the preset %s", (_, preset) => {
    expect(() => checkConfig(withConfig(preset))).not.toThrow();
  });

  it.each<[string, RunSettings["config"], RegExp]>([
    // "image:" and ", number:7." take 17 of a line's 32 characters.
    ["more letters than a line holds", { ...smoke, vqvae: { ...smoke.vqvae, chunks: 16 } }, /chunks 16: lines/],
    [
      "a width that heads do not divide",
      { ...smoke, transformer: { ...smoke.transformer, heads: 3 } },
      /transformer: width: must be divisible by heads; got width 32 and heads 3/,
    ],
    [
      "a warm-up longer than the training",
      { ...smoke, transformer: { ...smoke.transformer, steps: 1 } },
      /transformer: warmUpSteps/,
    ],
    [
      "batches of more lines than there are",
      { ...smoke, data: { ...smoke.data, trainCount: 63 } },
      /batchSize: expected at most data\.trainCount, 63, got 64/,
    ],
  ])("refuses %s", (_, config, message) => {
    let error: unknown;
    try {
      checkConfig(withConfig(config));
    } catch (reason) {
      error = reason;
    }
    expect(ConfigError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
  });

  it("takes as many letters as a line holds, and leaves the count of prepared lines to their file", () => {
    const vqvae = { ...smoke.vqvae, chunks: 15 };
    const data = { ...smoke.data, trainCount: 1 };
    expect(() => checkConfig({ ...withConfig({ ...smoke, vqvae, data }), lines: "train.txt" })).not.toThrow();
  });
});

describe("presets", () => {
  it.each(Object.entries(presets))("%s has every field and no other", (_, preset) => {
    expect(resolveOptions(vlmConfigSchema, preset)).toEqual(preset);
  });

  it("original has the published system's sizes and schedule", () => {
    expect(presets.original).toEqual({
      data: { trainCount: 50_000, validationCount: 10_000, testCount: 10_000 },
      vqvae: {
        hidden: [128],
        latentActivation: "relu",
        chunks: 8,
        codebookSize: 26,
        codeDimension: 4,
        sharedCodebook: true,
        codebook: "gradient",
        commitmentWeight: 0.25,
        deadCodeThreshold: 0,
        epochs: 50,
        patience: 3,
        batchSize: 128,
        learningRate: 2e-4,
        finalLearningRate: 2e-4,
        warmUpSteps: 0,
        weightDecay: 0,
        // Nothing is clipped.
        clipNorm: 1e6,
      },
      transformer: {
        width: 384,
        heads: 8,
        layers: 8,
        dropout: 0.2,
        tiedWeights: true,
        bias: false,
        steps: 5000,
        beta2: 0.99,
        batchSize: 256,
        learningRate: 1e-3,
        finalLearningRate: 1e-4,
        warmUpSteps: 100,
        weightDecay: 0.1,
        clipNorm: 1,
        digitWeight: 1,
        promptWeight: 1,
        orders: "once",
        checkpoints: [500, 1000, 2000, 3000, 4000, 5000],
      },
      sampling: { temperature: 0.8, topP: 1 },
      // How much is measured is this example's own choice.
      evaluation: { drawnPerDigit: 100, shownPerDigit: 20, classifierSteps: 800, embedded: 2000 },
    });
  });

  it.each(["smoke", "quick"] as const)("%s writes an image with as many bits as the original", (name) => {
    const { chunks, codebookSize } = presets[name].vqvae;
    expect([chunks, codebookSize]).toEqual([8, 26]);
  });
});

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mmgen-vlm-settings-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const asked: TrainFlags = { backend: "auto", resume: false };
const resolveNew = (flags: TrainFlags) => runs.resolveSettings(flags, folderOf("new"));
const folderOf = (name: string) => new RunFolder(join(root, name), "unused", "npm run mnist-vlm");
const errorOf = (call: Promise<unknown>): Promise<unknown> => call.then(() => undefined).catch((reason) => reason);

describe("settings of a new run", () => {
  it("are quick's with seed 1 unless asked otherwise", async () => {
    expect(await resolveNew(asked)).toEqual({ preset: "quick", config: presets.quick, data: "auto", seed: 1 });
  });

  it("take the preset, the lines from where the command was typed, and a file's fields over the preset's", async () => {
    const config = join(root, "config.json");
    await writeFile(config, JSON.stringify({ transformer: { orders: "once" } }));
    const settings = await resolveNew({ ...asked, preset: "smoke", lines: join(root, "train.txt"), config, seed: 0 });
    expect(settings).toEqual({
      preset: "smoke",
      config: { ...presets.smoke, transformer: { ...presets.smoke.transformer, orders: "once" } },
      data: "auto",
      lines: join(root, "train.txt"),
      seed: 0,
    });
  });

  it("refuse --lines with --data", async () => {
    const error = await errorOf(resolveNew({ ...asked, lines: "train.txt", data: "mnist" }));
    expect(ConfigError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(/--lines.*--data/);
  });

  it.each([
    ['{ "transformer": { "width": -1 } }', /transformer\.width/],
    ['{ "transformer": { "with": 1 } }', /transformer\.with: there is no such field; did you mean "width"/],
    ["width: 1", /is not JSON/],
  ])("refuse the configuration %s by name", async (text, message) => {
    const config = join(root, "bad.json");
    await writeFile(config, text);
    const error = await errorOf(resolveNew({ ...asked, config }));
    expect(ConfigError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
  });
});

describe("settings of a resumed run", () => {
  const resumed: TrainFlags = { ...asked, resume: true };
  const resolveResumed = (flags: TrainFlags) => runs.resolveSettings(flags, folderOf("run"));
  const save = (settings: unknown) => folderOf("run").write("run.json", JSON.stringify(settings));

  it("are those that the run was started with", async () => {
    const settings = await resolveNew({ ...asked, preset: "original", seed: 7 });
    await save(settings);
    expect(await resolveResumed(resumed)).toEqual(settings);
  });

  it("are read from a run of an older version", async () => {
    const settings = await resolveNew({ ...asked, preset: "original", lines: join(root, "train.txt"), seed: 7 });
    const { vqvae: tokenizer, transformer, ...others } = settings.config;
    const { orders: task, ...sizes } = transformer;
    await save({ ...settings, config: { ...others, tokenizer, transformer: { ...sizes, task } } });
    expect(await resolveResumed(resumed)).toEqual(settings);
  });

  it.each<Partial<TrainFlags>>([
    { preset: "quick" },
    { config: "config.json" },
    { data: "mnist" },
    { lines: "train.txt" },
    { seed: 1 },
  ])("cannot be changed by %o", async (option) => {
    const error = await errorOf(resolveResumed({ ...resumed, ...option }));
    expect(ConfigError.isInstance(error)).toBe(true);
    expect((error as Error).message).toContain(`--${Object.keys(option)[0]} cannot be given with --resume`);
  });

  it("are refused where there is no run, or its file is damaged", async () => {
    const nowhere = folderOf("nowhere");
    expect(CheckpointError.isInstance(await errorOf(runs.resolveSettings(resumed, nowhere)))).toBe(true);
    await nowhere.write("run.json", JSON.stringify({ preset: "quick" }));
    const error = await errorOf(runs.resolveSettings(resumed, nowhere));
    expect(CheckpointError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(/run\.json is damaged/);
  });
});
