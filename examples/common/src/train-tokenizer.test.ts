import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { sliceImages } from "@mmgen/core";
import { proceduralDigits } from "@mmgen/datasets";
import { constantSchedule, evaluateLoss, imageExamples } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { trainTokenizer } from "./train-tokenizer.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

describe("trainTokenizer", () => {
  it("takes the loss of held-out images before training and after every epoch", async () => {
    const { images } = proceduralDigits({ count: 40, seed: 1 });
    const heldOut = sliceImages(images, 32, 40);
    const { vqvae, history } = await trainTokenizer({
      model: {
        network: { type: "dense", hidden: [16] },
        quantizer: { type: "product", chunks: 2, codebookSize: 4, codeDimension: 2 },
      },
      train: sliceImages(images, 0, 32),
      heldOut,
      epochs: 2,
      batchSize: 16,
      schedule: () => constantSchedule(0.01),
      optimizer: {},
      seed: 1,
      checkpoint: { read: async () => undefined, write: async () => {} },
      observers: [],
      signal: new AbortController().signal,
      command: "npm start",
    });
    expect(history.epochs.map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
    const losses = history.epochs.map(({ metrics }) => metrics.heldOutLoss);
    expect(new Set(losses).size).toBe(3);
    const { loss } = await evaluateLoss({ model: vqvae, examples: imageExamples(heldOut), batchSize: 16 });
    expect(losses[2]).toBe(loss);
    vqvae.dispose();
  });
});
