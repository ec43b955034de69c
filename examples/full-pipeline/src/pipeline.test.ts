import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { AbortedError, CheckpointError, readSafetensors, writeSafetensors } from "@mmgen/core";
import { ProgressReporter, RunFolder } from "@mmgen/example-harness";
import * as tf from "@tensorflow/tfjs-core";
import { inventPairs, loadModelParts } from "mmgen";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { presets, type RunSettings } from "./config.js";
import { loadData, loadOrTrainClassifier } from "./data.js";
import { evaluateModels, type RunMetrics } from "./measure.js";
import { runPipeline } from "./pipeline.js";

const { data, vqvae, transformer } = presets.smoke;
const settings: RunSettings = {
  preset: "smoke",
  config: {
    data: { ...data, trainCount: 128, testCount: 12 },
    vqvae: { ...vqvae, network: { ...vqvae.network, hiddenChannels: 8 }, batchSize: 32 },
    transformer: { ...transformer, width: 16, layers: 1, dropout: 0.1, batchSize: 32 },
    diffusion: presets.smoke.diffusion,
    sampling: presets.smoke.sampling,
    evaluation: { samples: 4, classifierSteps: 2 },
  },
  data: "procedural",
  seed: 3,
};

let root: string;
beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  root = await mkdtemp(join(tmpdir(), "mmgen-run-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const folderOf = (name: string) => new RunFolder(join(root, name), "unused", "npm start");
const fileOf = (name: string, file: string) => join(folderOf(name).checkpoints, file);

interface TestRun extends Partial<RunSettings> {
  readonly resume?: boolean;
  readonly stopAfter?: number;
}

/** A run that stops after a number of training steps, counted over both models. */
function run(
  name: string,
  { resume = false, stopAfter = Number.POSITIVE_INFINITY, seed = settings.seed, ...own }: TestRun = {},
): Promise<RunMetrics> {
  const controller = new AbortController();
  let left = stopAfter;
  const counter = {
    onStart() {},
    onStep() {
      left--;
      if (left === 0) {
        controller.abort();
      }
    },
  };
  const quiet = new PassThrough();
  quiet.resume();
  const result = runPipeline({
    settings: { ...settings, seed, ...own },
    folder: folderOf(name),
    dataDir: undefined,
    resume,
    force: false,
    backend: "onnx",
    progress: new ProgressReporter(quiet),
    observers: [counter],
    signal: controller.signal,
  });
  return result as Promise<RunMetrics>;
}

const aborted = AbortedError.isInstance.bind(AbortedError);

describe("runPipeline", () => {
  // Two whole runs, in seconds where the machine is free.
  it("writes every result, and stopped and resumed equals uninterrupted to the byte", {
    timeout: 240_000,
  }, async () => {
    const before = tf.memory().numTensors;
    const metrics = await run("whole");
    expect(tf.memory().numTensors).toBe(before);
    expect((await readdir(folderOf("whole").results)).sort()).toEqual([
      "classifier.jsonl",
      "codebook_usage.png",
      "confusion_background.png",
      "confusion_captioned_background.png",
      "confusion_captioned_digit.png",
      "confusion_captioned_digit_color.png",
      "confusion_digit.png",
      "confusion_digit_color.png",
      "dataset_samples.png",
      "epochs",
      "generation_timing.png",
      "image_conditioned_samples.png",
      "likelihood_by_position.png",
      "metrics.json",
      "reconstructions.png",
      "report.html",
      "samples_by_epoch.gif",
      "text_conditioned_samples.png",
      "training_curves.png",
      "transformer.jsonl",
      "unconditional_samples.png",
      "vqvae.jsonl",
    ]);

    await expect(run("stopped", { stopAfter: 2 })).rejects.toSatisfy(aborted);
    expect(existsSync(fileOf("stopped", "vqvae.safetensors"))).toBe(false);
    await expect(run("stopped", { resume: true, stopAfter: 7 })).rejects.toSatisfy(aborted);
    expect(existsSync(fileOf("stopped", "transformer.safetensors"))).toBe(false);
    const resumed = await run("stopped", { resume: true });
    for (const file of ["vqvae.safetensors", "transformer.safetensors", "tokenizer.json", "classifier.safetensors"]) {
      const [one, other] = await Promise.all(["whole", "stopped"].map((name) => readFile(fileOf(name, file))));
      expect(one!.equals(other!), file).toBe(true);
    }
    const reportOf = (name: string) => readFile(join(folderOf(name).results, "report.html"), "utf8");
    expect(await reportOf("whole")).toMatch(/Trained from nothing in \d+ (s|min)/);
    expect(await reportOf("stopped")).toMatch(/Trained from nothing in several processes, the last of \d+ (s|min)/);
    expect(resumed.likelihood).toEqual(metrics.likelihood);
    expect(resumed.attributes).toEqual(metrics.attributes);
    // Before training and after each of two epochs.
    expect(await readdir(join(folderOf("stopped").results, "epochs"))).toEqual(["000.svg", "001.svg", "002.svg"]);
    const animations = ["whole", "stopped"].map((name) =>
      readFile(join(folderOf(name).results, "samples_by_epoch.gif")),
    );
    const [one, other] = await Promise.all(animations);
    expect(one!.equals(other!)).toBe(true);
  });

  it("does not go on with other images than it began with", async () => {
    // Another seed draws as many other digits.
    const error: unknown = await run("whole", { resume: true, seed: 4 }).catch((reason) => reason);
    expect(CheckpointError.isInstance(error)).toBe(true);
    expect((error as Error).message).toContain("--data-dir");
  });

  it("does not go on with an image tokenizer of another run", async () => {
    const path = fileOf("whole", "vqvae-training.safetensors");
    const own = await readFile(path);
    const { sha256 } = JSON.parse(await readFile(fileOf("whole", "data.json"), "utf8"));
    const { metadata, tensors } = readSafetensors(own);
    const { runId, ...state } = JSON.parse(metadata.run!);
    expect(runId).toBe(sha256);
    const { checksum: _, ...unsummed }: Record<string, string> = {
      ...metadata,
      run: JSON.stringify({ ...state, runId: "other" }),
    };
    await writeFile(path, writeSafetensors({ tensors, metadata: unsummed }));
    const error: unknown = await run("whole", { resume: true }).catch((reason) => reason);
    await writeFile(path, own);
    expect(CheckpointError.isInstance(error), String(error)).toBe(true);
    expect((error as Error).message).toContain(`"other" (string), not "${sha256}" (string)`);
  });

  it("leaves models that load, sample within the grammar, and repeat themselves from a seed", async () => {
    const models = await folderOf("whole").load(loadModelParts);
    const sampling = { seed: 5, temperature: 1, topP: 1 };
    const pairs = await inventPairs(models, 3, sampling);
    expect(pairs.captions.every((caption) => caption.split(" ").length === 6)).toBe(true);
    expect(await inventPairs(models, 3, sampling)).toEqual(pairs);
    models.vqvae.dispose();
    models.transformer.dispose();
  });
});

describe("evaluateModels", () => {
  it("gives the run's metrics again from its checkpoints", async () => {
    const folder = folderOf("whole");
    const { signal } = new AbortController();
    const models = await folder.load(loadModelParts);
    const dataset = await loadData(settings, { dataDir: undefined, log: () => {} });
    const { attributes, test } = dataset;
    const around = { settings, models, observers: [], signal };
    const file = await readFile(fileOf("whole", "classifier.safetensors"));
    const { metadata, tensors } = readSafetensors(file);
    const read = async () => writeSafetensors({ tensors, metadata: { ...metadata, run: "other" } });
    const error: unknown = await loadOrTrainClassifier(dataset, {
      ...around,
      folder: { read, write: folder.write },
    }).catch((reason) => reason);
    expect(CheckpointError.isInstance(error), String(error)).toBe(true);
    expect((error as Error).message).toContain(`"other" (string), not "${models.vqvae.run}" (string)`);
    using classifier = await loadOrTrainClassifier(dataset, { ...around, folder });
    const codes = await models.vqvae.encode(test.images);
    const evaluation = { models, classifier, attributes, test, codes, ...settings, signal };
    const { timing, ...metrics } = (await evaluateModels(evaluation)).metrics;
    const written = JSON.parse(await readFile(join(folder.results, "metrics.json"), "utf8"));
    expect(written).toMatchObject(JSON.parse(JSON.stringify(metrics)));
    // A list, in which a reader of the file finds every predicted id.
    expect(written.likelihood.byOrder["text-first"].byPosition).toHaveLength(models.tokenizer.sequenceLength - 1);
    expect(timing.series.map(({ label }) => label)).toHaveLength(3);
    models.vqvae.dispose();
    models.transformer.dispose();
  });
});

describe("loading the models of a run", () => {
  const refusal = async () => {
    const error: unknown = await folderOf("whole")
      .load(loadModelParts)
      .catch((reason) => reason);
    expect(CheckpointError.isInstance(error)).toBe(true);
    return (error as Error).message;
  };

  it("names the checkpoint that is truncated, foreign or missing", async () => {
    const path = fileOf("whole", "transformer.safetensors");
    const other = fileOf("whole", "vqvae.safetensors");
    const whole = await readFile(path);
    await truncate(path, whole.length - 10);
    expect(await refusal()).toContain("transformer.safetensors");
    await writeFile(path, await readFile(other));
    expect(await refusal()).toContain("transformer.safetensors");
    await rm(path);
    expect(await refusal()).toMatch(/transformer\.safetensors.*npm start/);
  });
});

describe("a run that goes on from another", () => {
  // Three whole runs, in seconds where the machine is free.
  it("takes its image tokenizer as it is and trains the transformer alone, of either family", {
    timeout: 240_000,
  }, async () => {
    await run("known");
    const from = join(root, "known");
    for (const family of ["autoregressive", "diffusion"] as const) {
      const metrics = await run(`from ${family}`, { family, from });
      expect(metrics.histories).not.toHaveProperty("vqvae");
      expect(metrics.throughput).not.toHaveProperty("vqvae");
      const [own, its] = [`from ${family}`, "known"].map(async (name) => {
        const { tensors } = readSafetensors(await readFile(fileOf(name, "vqvae.safetensors")));
        return [...tensors].map(([tensor, { data }]) => [tensor, [...(data as Float32Array)]]);
      });
      expect(await own).toEqual(await its);
      expect(existsSync(fileOf(`from ${family}`, "vqvae-training.safetensors"))).toBe(false);
    }
  });

  it("refuses another image tokenizer's configuration before the folder is touched", async () => {
    const { config } = settings;
    const other = { ...config, vqvae: { ...config.vqvae, epochs: 1 } };
    const refused = run("from other", { config: other, from: join(root, "known") });
    await expect(refused).rejects.toThrow(/^--from: the image tokenizer in .*known .* is not the one/);
    expect(existsSync(fileOf("from other", "run.json"))).toBe(false);
  });
});
