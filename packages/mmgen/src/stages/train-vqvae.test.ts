import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { CheckpointError, readSafetensors, sliceImages } from "@mmgen/core";
import { proceduralDigits } from "@mmgen/datasets";
import { evaluateLoss, imageExamples } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { type TrainVqVaeOptions, trainVqVae } from "./train-vqvae.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

const { images } = proceduralDigits({ count: 40, seed: 1 });
const options = {
  model: {
    network: { type: "dense", hidden: [16] },
    quantizer: { type: "product", chunks: 2, codebookSize: 4, codeDimension: 2 },
  },
  images: sliceImages(images, 0, 32),
  training: { epochs: 2, batchSize: 16, learningRate: 0.01 },
  seed: 1,
} as const;

describe("trainVqVae", () => {
  it("takes the loss of held-out images before training and after every epoch", async () => {
    const heldOut = sliceImages(images, 32, 40);
    const { vqvae, history } = await trainVqVae({ ...options, heldOut });
    expect(history.epochs.map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
    const losses = history.epochs.map(({ metrics }) => metrics.heldOutLoss);
    expect(new Set(losses).size).toBe(3);
    const { loss } = await evaluateLoss({ model: vqvae, examples: imageExamples(heldOut), batchSize: 16 });
    expect(losses[2]).toBe(loss);
    vqvae.dispose();
  });

  it("trains as many steps as the settings ask for, without held-out images too", async () => {
    const { vqvae, history } = await trainVqVae({
      ...options,
      training: { ...options.training, epochs: undefined, steps: 3 },
    });
    expect([history.steps.length, history.epochs.at(-1)!.metrics]).toEqual([3, {}]);
    expect(history.steps.at(-1)!.learningRate).toBeLessThan(history.steps[0]!.learningRate);
    vqvae.dispose();
  });

  it("moves hidden weights by Muon where it is asked to, stopped and resumed bit for bit", async () => {
    const training = { ...options.training, optimizer: "muon" } as const;
    const weights = async (more: Partial<TrainVqVaeOptions>) => {
      const { vqvae } = await trainVqVae({ ...options, training, ...more });
      const bytes = await vqvae.toSafetensors();
      vqvae.dispose();
      return bytes;
    };
    const whole = await weights({});
    expect(await weights({ training: options.training })).not.toEqual(whole);
    let state: Uint8Array | undefined;
    const write = async (bytes: Uint8Array) => {
      state = bytes;
    };
    const checkpoint = { read: async () => state, write };
    const stop = new AbortController();
    const observers = [{ onStep: ({ step }: { step: number }) => void (step === 3 && stop.abort()) }];
    await expect(weights({ checkpoint, observers, signal: stop.signal })).rejects.toThrow(/after step 3 of 4/);
    expect([...readSafetensors(state!).tensors.keys()].filter((name) => name.includes("momentum"))).not.toEqual([]);
    await expect(weights({ checkpoint, training: options.training })).rejects.toThrow(/optimizer/i);
    expect(await weights({ checkpoint })).toEqual(whole);
    const wrong = { ...options.training, optimizer: "sgd" as never };
    await expect(weights({ training: wrong })).rejects.toThrow(/training.optimizer: expected/);
  });

  it("keeps the id of its run, and does not go on with another's state", async () => {
    let state: Uint8Array | undefined;
    const write = async (bytes: Uint8Array) => {
      state = bytes;
    };
    const checkpoint = { read: async () => state, write };
    const training = { ...options.training, epochs: 1 };
    const train = (runId?: TrainVqVaeOptions["runId"]) => trainVqVae({ ...options, training, checkpoint, runId });
    const asked: unknown[] = [];
    const run = (stored: string | undefined) => {
      asked.push(stored);
      return "one";
    };
    for (const runId of [run, run, "one", undefined]) {
      (await train(runId)).vqvae.dispose();
      expect(JSON.parse(readSafetensors(state!).metadata.run!).runId).toBe(runId && "one");
    }
    expect(asked).toEqual([undefined, "one"]);
    state = undefined;
    (await train("one")).vqvae.dispose();
    const error: unknown = await train("two").catch((reason) => reason);
    expect(CheckpointError.isInstance(error), String(error)).toBe(true);
    expect((error as Error).message).toContain('"one" (string), not "two" (string)');
  });

  it("leaves no tensor behind where it fails", async () => {
    const before = tf.memory().numTensors;
    const checkpoint = { read: async () => Uint8Array.of(1, 2, 3), write: async () => {} };
    await expect(trainVqVae({ ...options, checkpoint })).rejects.toThrow();
    expect(tf.memory().numTensors).toBe(before);
  });
});
