import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { type ImageBatch, Random } from "@mmgen/core";
import { AttributeClassifier } from "@mmgen/evaluation";
import { constantSchedule, imageExamples, type TrainOptions, train } from "@mmgen/training";
import { type AdversarialOptions, AdversarialVqVae, type ImageFeatures, VqVae } from "@mmgen/vqvae";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { CompiledStep } from "../packages/training/src/loop/compiled-step.js";

beforeAll(() => registerOnnxBackend({ intraOpNumThreads: 1 }));
afterEach(() => vi.restoreAllMocks());

const images: ImageBatch = {
  ...{ count: 12, height: 8, width: 8, channels: 3, maxValue: 255 },
  data: Uint8Array.from({ length: 12 * 192 }, (_, i) => (i * i * 7 + 31 * Math.floor(i / 192) + 13 * i) % 256),
};

/** A group-normalized VqVae with an EMA codebook, and all of the adversary's options; its term counts from the third step on. */
function create(options: AdversarialOptions = {}, features?: ImageFeatures) {
  const network = { levels: [4, 4], residualBlocks: 0, normalization: "group", upsampling: "nearest" } as const;
  const quantizer = { codebookSize: 8, codeDimension: 4, start: "uniform", deadCodeThreshold: 0 } as const;
  const vqvae = VqVae.create({ imageSide: 8, maxValue: 255, network, quantizer }, { random: Random.fromSeed(1) });
  const discriminator = { baseChannels: 4, levels: 2, blurPool: true };
  const augmentation = ["color", "translation", "cutout"] as const;
  const defaults = { discriminator, augmentation, startStep: 2, rampSteps: 1, lecam: { weight: 0.05, decay: 0.9 } };
  return AdversarialVqVae.create(vqvae, { ...defaults, ...options }, { random: Random.fromSeed(2), features });
}

/** Adam's epsilon is large: a gradient that is 0 but for rounding would else become a step of full length. */
async function run(model: AdversarialVqVae, change: Partial<TrainOptions<ImageBatch, tf.NamedTensorMap>> = {}) {
  return train({
    ...{ model, examples: imageExamples(images), batchSize: 2, steps: 3, random: Random.fromSeed(3) },
    ...{ schedule: constantSchedule(0.01), optimizer: { epsilon: 1e-2 } },
    adversary: { optimizer: { beta1: 0.5, beta2: 0.9, epsilon: 1e-2 } },
    ...change,
  });
}

async function weightsOf({ adversary, vqvae }: AdversarialVqVae) {
  const variables = [vqvae, adversary].flatMap(({ parameters, buffers }) => [...parameters, ...buffers]);
  const values = await Promise.all(variables.map(([, each]) => each.data()));
  return variables.map(([name], i) => [name, values[i]!] as const);
}

function dispose(...models: readonly AdversarialVqVae[]) {
  for (const model of models) {
    model.dispose();
    model.vqvae.dispose();
  }
}

describe("training a VqVae against a discriminator", () => {
  it("goes on from a checkpoint of both as if it had never stopped, bit for bit, on both backends", async () => {
    for (const backend of ["cpu", "onnx"]) {
      await tf.setBackend(backend);
      const stop = new AbortController();
      const onStep = ({ step }: { step: number }) => void (step === 2 && stop.abort());
      const [whole, stopped, resumed] = [create(), create(), create()];
      const averaged = { weightAverage: { decay: 0.5 } };
      const expected = await run(whole, averaged);
      const { state } = await run(stopped, { ...averaged, signal: stop.signal, observers: [{ onStep }] });
      const { history } = await run(resumed, { ...averaged, resume: state });
      expect(await weightsOf(resumed)).toEqual(await weightsOf(whole));
      const metricsOf = ({ steps }: typeof history) =>
        steps.map(({ loss, metrics }): Record<string, number> => ({ ...metrics, loss }));
      expect(metricsOf(history)).toEqual(metricsOf(expected.history));
      const counts = metricsOf(history).map(({ adversarialWeight }) => adversarialWeight! > 0);
      expect(counts).toEqual([false, false, true]);
      expect(Object.keys(history.steps[0]!.metrics)).toEqual(expect.arrayContaining(["realScore", "adversaryLoss"]));
      dispose(whole, stopped, resumed);
    }
  });

  it.each([
    ["adaptive", {}],
    [
      "constant",
      {
        weighting: { type: "constant", weight: 0.5 },
        perceptual: { weight: 0.5 },
        discriminator: { baseChannels: 8, levels: 2, normalization: "group" },
      },
    ],
  ] as [string, AdversarialOptions][])(
    "gives on onnx what it gives on cpu, compiled and with one reading a step: %s",
    async (_, options) => {
      const weights: Awaited<ReturnType<typeof weightsOf>>[] = [];
      for (const backend of ["cpu", "onnx"]) {
        await tf.setBackend(backend);
        const model = create({ startStep: 0, ...options });
        const compiled = vi.spyOn(CompiledStep.prototype, "step");
        const read = vi.spyOn(tf.backend(), "read");
        const reads: number[] = [];
        const onStep = () => void reads.push(read.mock.calls.length);
        await run(model, { steps: 3, observers: [{ onStep }] });
        expect(reads.map((count, i) => count - (reads[i - 1] ?? count - 1))).toEqual([1, 1, 1]);
        expect((compiled.mock.contexts[0] as CompiledStep<never, never>).isCompiled).toBe(backend === "onnx");
        weights.push(await weightsOf(model));
        dispose(model);
        vi.restoreAllMocks();
      }
      for (const [i, [name, values]] of weights[0]!.entries()) {
        for (const [at, value] of values.entries()) {
          expect(Math.abs(value - weights[1]![i]![1][at]!), `${name} ${at}`).toBeLessThan(1e-4);
        }
      }
    },
  );

  it("compares by a classifier's layers on onnx as on cpu, compiled, and keeps the codes where the decoder learns alone", async () => {
    const perceptual = { features: "own", weight: 10 } as const;
    const options = { learns: "decoder", perceptual, startStep: 0 } as const;
    const weights: Awaited<ReturnType<typeof weightsOf>>[] = [];
    for (const backend of ["cpu", "onnx"]) {
      await tf.setBackend(backend);
      const attributes = [{ name: "hat", classes: 2 }] as const;
      const form = { attributes, trunk: "image", height: 8, width: 8, maxValue: 255, hiddenChannels: [4, 4] } as const;
      const classifier = AttributeClassifier.create(form, { random: Random.fromSeed(4) });
      const model = create(options, (pixels) => classifier.layers(pixels));
      await model.initialize(images, Random.fromSeed(5));
      const { data } = await model.vqvae.encode(images);
      const before = await weightsOf(model);
      const compiled = vi.spyOn(CompiledStep.prototype, "step");
      await run(model, { weightAverage: { decay: 0.5 } });
      expect((compiled.mock.contexts[0] as CompiledStep<never, never>).isCompiled).toBe(backend === "onnx");
      expect((await model.vqvae.encode(images)).data).toEqual(data);
      const after = await weightsOf(model);
      const changed = after.filter(([, values], i) => values.some((value, at) => value !== before[i]![1][at]));
      const names = changed.map(([name]) => name);
      expect(names.some((name) => name.startsWith("decoder."))).toBe(true);
      expect(names.filter((name) => /^(encoder|quantizer)\./.test(name))).toEqual([]);
      weights.push(after);
      dispose(model);
      classifier.dispose();
      vi.restoreAllMocks();
    }
    for (const [i, [name, values]] of weights[0]!.entries()) {
      for (const [at, value] of values.entries()) {
        expect(Math.abs(value - weights[1]![i]![1][at]!), `${name} ${at}`).toBeLessThan(1e-4);
      }
    }
  });

  it("leaves no tensor behind, in parts and with averaged weights", async () => {
    await tf.setBackend("cpu");
    const before = tf.memory().numTensors;
    const model = create();
    await run(model, { steps: 1 });
    const held = tf.memory().numTensors;
    await run(model, { steps: 2, weightAverage: { decay: 0.5 }, gradientAccumulation: 2 });
    expect(tf.memory().numTensors).toBe(held);
    dispose(model);
    expect(tf.memory().numTensors).toBe(before);
  });
});
