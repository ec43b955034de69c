import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { AbortedError } from "@mmgen/core";
import { proceduralDigits } from "@mmgen/datasets";
import type { TrainingObserver } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runCheckpoints } from "./checkpoints.js";
import { digitNames, lineTokenizer } from "./letters.js";
import { presets } from "./presets.js";
import { trainLetters } from "./train-letters.js";
import { trainLines } from "./train-lines.js";

// What quick does otherwise stays: the shared codebook learned by gradients, relu latents, early stopping; tied weights,
// dropout, tasks tossed once.
const tokenizerConfig = { ...presets.original.tokenizer, hidden: [16], epochs: 3, batchSize: 32 };
const transformerConfig = {
  ...presets.original.transformer,
  ...{ width: 16, heads: 2, layers: 1, steps: 6, batchSize: 32, warmUpSteps: 1, checkpoints: [] },
};
const train = proceduralDigits({ seed: 1, count: 64 });
const validation = proceduralDigits({ seed: 2, count: 16 });
const tokenizer = lineTokenizer(tokenizerConfig.codebookSize, tokenizerConfig.chunks);

let root: string;
beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  root = await mkdtemp(join(tmpdir(), "mmgen-vlm-original-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Trains both models in a folder of its own, each stopped after so many steps and resumed, or not at all. */
async function trainBoth(name: string, stopAfter: number | undefined) {
  const folders = { results: join(root, name), checkpoints: join(root, name) };
  const checkpoints = runCheckpoints(folders, [transformerConfig.steps]);
  const course = { seed: 4, checkpoints };
  const { vqvae } = await stoppedAndResumed(stopAfter, (stop) =>
    trainLetters({
      ...{ ...course, ...stop, config: tokenizerConfig },
      ...{ train: train.images, validation: validation.images },
    }),
  );
  const pairsOf = async ({ images, labels }: typeof train) => ({
    codes: await vqvae.encode(images),
    captions: Array.from(labels, (label) => digitNames[label]!),
  });
  const pairs = { train: await pairsOf(train), validation: await pairsOf(validation) };
  const { transformer } = await stoppedAndResumed(stopAfter, (stop) =>
    trainLines({ ...course, ...stop, ...pairs, config: transformerConfig, tokenizer }),
  );
  return { vqvae, transformer, checkpoints };
}

async function stoppedAndResumed<Trained>(
  stopAfter: number | undefined,
  training: (stop: { signal: AbortSignal; observers: TrainingObserver[] }) => Promise<Trained>,
): Promise<Trained> {
  if (stopAfter !== undefined) {
    const controller = new AbortController();
    const observer: TrainingObserver = {
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
    const [one, other] = await Promise.all([whole, resumed].map(({ checkpoints }) => readFile(checkpoints.path(file))));
    expect(one!.equals(other!), file).toBe(true);
  }
  expect(whole.vqvae.config).toMatchObject({
    network: { type: "dense", hidden: [16], latentActivation: "relu" },
    quantizer: { type: "product", chunks: 8, codeDimension: 4, sharedCodebook: true, codebook: "gradient" },
  });
  expect(whole.transformer.config).toMatchObject({ tiedWeights: true, dropout: 0.2 });
  for (const { vqvae, transformer } of [whole, resumed]) {
    vqvae.dispose();
    transformer.dispose();
  }
});
