import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { AbortedError } from "@mmgen/core";
import { celebaAttributes } from "@mmgen/datasets";
import { ProgressReporter, RunFolder } from "@mmgen/example-harness";
import { imagePixels } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { presets, type RunSettings } from "./config.js";
import { loadData } from "./data.js";
import { evaluateRun, runPipeline } from "./pipeline.js";
import type { RunMetrics } from "./report.js";

const { smoke } = presets;
const short = { steps: 2, batchSize: 2, warmUpSteps: 1 };
const transformer = { ...smoke.sequential, ...short, width: 8, heads: 1 };
const settings: RunSettings = {
  preset: "smoke",
  config: {
    ...smoke,
    data: { trainCount: 8, testCount: 4, side: 12, mirrored: true },
    tokenizer: {
      ...{ ...smoke.tokenizer, ...short, codebookSize: 8, codeDimension: 4 },
      network: { levels: [4, 4], levelBlocks: 0, residualBlocks: 0, attentionHeads: 0 },
    },
    adversarial: {
      ...{ ...smoke.adversarial, ...short, startStep: 1, rampSteps: 1 },
      ...{ discriminatorChannels: 2, classifierSteps: 2 },
    },
    kinds: 2,
    ...{ sequential: transformer, absorbing: transformer, chain: { ...transformer, further: 0.1 } },
    sampling: { ...smoke.sampling, rounds: { chain: 3, ancestral: 3, confidence: 3, remasking: 3, halton: 3 } },
    evaluation: { samples: 4, boundImages: 2, classifierSteps: 2, criticImages: 8, criticSteps: 2 },
  },
  data: "folder",
  seed: 3,
};

let root: string;
beforeAll(async () => {
  registerOnnxBackend({ intraOpNumThreads: 1 });
  await tf.setBackend("onnx");
  root = await mkdtemp(join(tmpdir(), "mmgen-faces-"));
  await mkdir(join(root, "images"));
  const [count, side] = [40, 12];
  const data = Uint8Array.from({ length: count * side * side * 3 }, (_, i) => (i * 7 + Math.floor(i / 432) * 31) % 256);
  const names = celebaAttributes([]).attributes.map(({ name }) => name);
  const rows = [String(count), names.join(" ")];
  for (let i = 0; i < count; i++) {
    const images = { data, count, height: side, width: side, channels: 3, maxValue: 255 };
    rows.push(
      `${String(i).padStart(2, "0")}.png ${names.map((_, column) => ((i + column) % 3 === 0 ? 1 : -1)).join(" ")}`,
    );
    await writePng(join(root, "images", `${String(i).padStart(2, "0")}.png`), imagePixels(images, i));
  }
  await writeFile(join(root, "images", "list_attr_celeba.txt"), `${rows.join("\n")}\n`);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const folderOf = (name: string) => new RunFolder(join(root, name), "unused", "npm run faces");

/** A run that stops after a number of steps, counted over all trainings, or as a stage begins. */
function run(name: string, { resume = false, stopAfter = Number.POSITIVE_INFINITY, stopAt = "" } = {}) {
  const controller = new AbortController();
  let left = stopAfter;
  const onStep = () => {
    left--;
    if (left === 0) {
      controller.abort();
    }
  };
  const quiet = new PassThrough();
  quiet.resume();
  const progress = new ProgressReporter(quiet);
  const begin = progress.stage.bind(progress);
  progress.stage = (stage) => {
    begin(stage);
    if (stage === stopAt) {
      controller.abort();
    }
  };
  const result = runPipeline({
    ...{ settings, folder: folderOf(name), dataDir: join(root, "images"), resume, force: false, backend: "onnx" },
    ...{ progress, signal: controller.signal },
    observers: [{ onStart() {}, onStep }],
  });
  return result as Promise<RunMetrics>;
}

it("writes every result, and stopped and resumed equals uninterrupted to the byte", { timeout: 240_000 }, async () => {
  const before = tf.memory().numTensors;
  const metrics = await run("whole");
  expect(tf.memory().numTensors).toBe(before);
  expect((await readdir(folderOf("whole").results)).sort()).toEqual([
    ...["absorbing.jsonl", "adversarial.jsonl", "chain.jsonl", "classifier.jsonl"],
    ...["completions_first.png", "completions_half.png", "completions_quarter.png"],
    ...["diffusion.gif", "diffusion_strip_high.png", "diffusion_strip_low.png"],
    ...["metrics.json", "perceptual-classifier.jsonl", "reconstructions.png", "report.html"],
    ...[
      "samples_diffusion.png",
      "samples_sequential.png",
      "sequential.jsonl",
      "squared-error.jsonl",
      "training_curves.png",
    ],
  ]);
  expect(metrics.completions).toBe(4 * 3 * 2);
  expect(metrics.changedCompletions).toBe(0);

  // Within the second training, within the last, and after it.
  for (const [i, when] of [{ stopAfter: 3 }, { stopAfter: 6 }, { stopAt: "Evaluation: samples" }].entries()) {
    const stopped = run("stopped", { resume: i > 0, ...when });
    await expect(stopped).rejects.toSatisfy(AbortedError.isInstance.bind(AbortedError));
  }
  for (const name of ["vqvae", "vqvae-adversarial", "sequential", "absorbing", "chain"]) {
    const [one, other] = await Promise.all(
      ["whole", "stopped"].map((of) => readFile(join(folderOf(of).checkpoints, `${name}.safetensors`))),
    );
    expect(one!.equals(other!), name).toBe(true);
  }

  const { signal } = new AbortController();
  const data = await loadData(settings, { dataDir: join(root, "images"), log: () => {} });
  const again = await evaluateRun(folderOf("whole"), { ...settings, data, progress: { stage() {} }, signal });
  expect(again.tokenizers).toEqual(metrics.tokenizers);
  expect(again.absorbing).toEqual(metrics.absorbing);
  expect(again.sets).toEqual(metrics.sets);
  expect(Object.keys(again.sets!.byName)).toHaveLength(3 + 7);
  expect(tf.memory().numTensors).toBe(before);
});
