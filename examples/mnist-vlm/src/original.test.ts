import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { AbortedError } from "@mmgen/core";
import { proceduralDigits } from "@mmgen/datasets";
import type { RunFolder } from "@mmgen/example-harness";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { presets } from "./config.js";
import { lineTokenizer } from "./lines.js";
import { quietRun, tinySettings } from "./pipeline.fixture.js";
import { encodePairs, trainImageTokenizer, trainOnLines, type VlmRun } from "./pipeline.js";

// Unlike quick: one codebook for all places learned by gradients, relu latents, early stopping; tied weights, dropout,
// orders drawn once.
const vqvaeConfig = { ...presets.original.vqvae, hidden: [16], epochs: 3, batchSize: 32 };
const transformerConfig = {
  ...presets.original.transformer,
  ...{ width: 16, heads: 2, layers: 1, steps: 6, batchSize: 32, warmUpSteps: 1, checkpoints: [] },
};
const train = proceduralDigits({ seed: 1, count: 64 });
const validation = proceduralDigits({ seed: 2, count: 16 });
const tokenizer = lineTokenizer(vqvaeConfig.codebookSize, vqvaeConfig.chunks);

let root: string;
beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  root = await mkdtemp(join(tmpdir(), "mmgen-vlm-original-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Trains both models in a folder of its own, each stopped after so many steps and resumed, or not at all. */
async function trainBoth(name: string, stopAfter: number | undefined) {
  const config = { ...tinySettings.config, vqvae: vqvaeConfig, transformer: transformerConfig };
  const run = quietRun(join(root, name), { settings: { ...tinySettings, config, seed: 4 } });
  const { vqvae } = await stoppedAndResumed(stopAfter, (stop) =>
    trainImageTokenizer({ ...run, ...stop }, train, validation),
  );
  const pairs = { train: await encodePairs(vqvae, train), validation: await encodePairs(vqvae, validation) };
  await stoppedAndResumed(stopAfter, (stop) => trainOnLines({ ...run, ...stop }, { tokenizer, vqvae, ...pairs }));
  return { vqvae: await vqvae.toSafetensors(), config: vqvae.config, transformer: await transformerIn(run.folder) };
}

async function transformerIn(folder: RunFolder): Promise<Uint8Array> {
  return (await folder.read("transformer.safetensors"))!;
}

async function stoppedAndResumed<Trained>(
  stopAfter: number | undefined,
  training: (stop: Pick<VlmRun, "signal" | "observers">) => Promise<Trained>,
): Promise<Trained> {
  if (stopAfter !== undefined) {
    const controller = new AbortController();
    const observer: VlmRun["observers"][number] = {
      onStart: () => {},
      onStep: ({ step }) => {
        if (step === stopAfter) {
          controller.abort();
        }
      },
    };
    const stopped = training({ signal: controller.signal, observers: [observer] });
    await expect(stopped).rejects.toSatisfy(AbortedError.isInstance.bind(AbortedError));
  }
  return training({ signal: new AbortController().signal, observers: [] });
}

it("original, shrunk, stopped and resumed equals uninterrupted to the byte", async () => {
  const whole = await trainBoth("whole", undefined);
  const resumed = await trainBoth("stopped", 3);
  for (const file of ["vqvae", "transformer"] as const) {
    expect(Buffer.compare(whole[file], resumed[file]), file).toBe(0);
  }
  expect(whole.config).toMatchObject({
    network: { type: "dense", hidden: [16], latentActivation: "relu" },
    quantizer: { type: "product", chunks: 8, codeDimension: 4, sharedCodebook: true, codebook: "gradient" },
  });
  using transformer = TinyTransformer.fromSafetensors(whole.transformer);
  expect(transformer.config).toMatchObject({ tiedWeights: true, dropout: 0.2 });
});
