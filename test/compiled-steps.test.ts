import { type OnnxBackend, registerOnnxBackend } from "@mmgen/backend-onnx";
import "@mmgen/nn/gradients";
import { DataError, type ImageBatch, type LossOptions, Random, type TokenBatch } from "@mmgen/core";
import { AttributeClassifier } from "@mmgen/evaluation";
import type { TensorTrainable } from "@mmgen/nn";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import {
  adamW,
  chain,
  constantSchedule,
  type GradientTransform,
  imageExamples,
  Optimizer,
  scaleBySchedule,
  train,
} from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { CompiledStep } from "../packages/training/src/loop/compiled-step.js";
import { trainingStep } from "../packages/training/src/loop/training-step.js";
import { WeightAverage } from "../packages/training/src/optimizers/weight-average.js";

let backend: OnnxBackend;

beforeAll(async () => {
  registerOnnxBackend({ intraOpNumThreads: 1 });
  await tf.setBackend("onnx");
  backend = tf.backend() as OnnxBackend;
});

const images = drawImages(8);

/** An EMA codebook most of whose codes are dead, so that every step draws replacements. */
function vqvae() {
  const quantizer = { codebookSize: 16, codeDimension: 4, start: "uniform", deadCodeThreshold: 0.5 } as const;
  const network = { hiddenChannels: 4, residualBlocks: 1 };
  return VqVae.create({ imageSide: 8, channels: 1, network, quantizer }, { random: Random.fromSeed(1) });
}

function transformer() {
  const sizes = { vocabularySize: 5, contextLength: 6, width: 8, heads: 2, layers: 2, dropout: 0.5 };
  return TinyTransformer.create(sizes, { random: Random.fromSeed(1) });
}

function classifier(trunk: "digits" | "image") {
  const attributes = [
    { name: "side", classes: 2 },
    { name: "tone", classes: 3 },
  ] as const;
  const size = { height: 8, width: 8, channels: 1, maxValue: images.maxValue, hiddenWidth: 8 };
  const options = { ...size, attributes, trunk, hiddenChannels: [4, 4, 4] };
  return AttributeClassifier.create(options, { random: Random.fromSeed(1) });
}

const labeled = (side: readonly number[]) => ({
  images,
  labels: { side, tone: images.data.slice(0, 8).map((level) => level % 3) },
});

const rows: TokenBatch = { data: Int32Array.from({ length: 12 }, (_, i) => (i * 3) % 5), count: 2, length: 6 };
const weights = Float32Array.from({ length: 12 }, (_, i) => i % 3);
const tokens = { inputs: rows, targets: rows, weights };

describe("a compiled training step", () => {
  it.each([
    ["a VQ-VAE whose dead codes are redrawn", vqvae, images],
    ["a transformer with dropout and weighted targets", transformer, tokens],
    ["a classifier of digits", () => classifier("digits"), labeled([0, 1, 1, 0, 1, 0, 0, 1])],
    ["a classifier of images, some labels unknown", () => classifier("image"), labeled([0, -1, 1, 0, -1, 0, 0, 1])],
  ] as [string, () => TensorTrainable<unknown> & { dispose(): void }, unknown][])(
    "does what a step by itself does: %s",
    async (_, create, batch) => {
      const plain = steps(create());
      const compiled = steps(create());
      const lossTensor = vi.spyOn(compiled.model, "lossTensor" as never);
      const runner = new CompiledStep(compiled);
      for (let step = 1; step <= 4; step++) {
        const inputs = { batch, learningRate: 0.01 * step, random: Random.fromSeed(step) };
        const expected = await read(trainingStep({ ...plain, ...inputs }));
        const found = await read(runner.step(inputs));
        expect(found.names).toEqual(expected.names);
        expect(found.weight).toBe(expected.weight);
        // Float32 arithmetic in another order, over values of about 1.
        expect(distance([found.values], [expected.values])).toBeLessThan(1e-4);
      }
      expect(runner.isCompiled).toBe(true);
      // Once to see what is drawn, once to record it.
      expect(lossTensor).toHaveBeenCalledTimes(2);
      expect(compiled.optimizer.steps).toBe(4);
      expect(distance(await state(compiled), await state(plain))).toBeLessThan(1e-4);
      for (const part of [plain, compiled]) {
        part.dispose();
      }
    },
  );

  it("takes the same step where the graph draws the masks, from keys alone", async () => {
    const [drawnHere, drawnThere] = [steps(transformer()), steps(transformer())];
    const uploaded = vi.spyOn(backend, "writeOwned");
    const bytes = () => uploaded.mock.calls.reduce((sum, [values]) => sum + (values as Uint8Array).byteLength, 0);
    const take = (runner: CompiledStep<unknown, unknown>, seed: number) =>
      read(runner.step({ batch: tokens, learningRate: 0.01, random: Random.fromSeed(seed) }));
    const [host, graph] = [new CompiledStep(drawnHere), new CompiledStep(drawnThere)];
    for (const seed of [1, 2, 3]) {
      uploaded.mockClear();
      const expected = await take(host, seed);
      const ofHost = bytes();
      Object.assign(backend, { feedsTravel: true });
      uploaded.mockClear();
      const found = await take(graph, seed);
      Object.assign(backend, { feedsTravel: false });
      // One graph may add in another order than the other.
      expect(distance([found.values], [expected.values])).toBeLessThan(1e-5);
      // A byte a value of one mask of 2 · 6 · 8 and, in each of two layers, two such and one of 2 · 2 · 6 · 6; against keys.
      expect(ofHost - bytes()).toBe(96 + 2 * (2 * 96 + 144) - 7 * 8);
    }
    expect(distance(await state(drawnThere), await state(drawnHere))).toBeLessThan(1e-5);
    uploaded.mockRestore();
    drawnHere.dispose();
    drawnThere.dispose();
  });

  it("runs one compiled graph a step, and leaves no tensor behind", async () => {
    const parts = steps(transformer());
    const runner = new CompiledStep(parts);
    const step = async (seed: number) => {
      const { values } = runner.step({ batch: tokens, learningRate: 0.01, random: Random.fromSeed(seed) });
      values.dispose();
    };
    backend.flushSync();
    const runs = () => backend.sessions().hits + backend.sessions().misses;
    const before = runs();
    await step(1);
    // What is recorded to see what is drawn is not computed.
    expect(runs()).toBe(before + 1);
    const tensors = tf.memory().numTensors;
    const { hits, misses } = backend.sessions();
    await step(2);
    await step(3);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(backend.sessions()).toMatchObject({ hits: hits + 2, misses });
    parts.dispose();
  });

  it("changes nothing and goes on where a batch has no target", () => {
    const parts = steps(transformer());
    const runner = new CompiledStep(parts);
    const none = { ...tokens, weights: new Float32Array(12) };
    const inputs = { learningRate: 0.01, random: Random.fromSeed(1) };
    expect(() => runner.step({ ...inputs, batch: none })).toThrow(DataError);
    runner.step({ ...inputs, batch: tokens }).values.dispose();
    expect(() => runner.step({ ...inputs, batch: none })).toThrow(DataError);
    expect(parts.optimizer.steps).toBe(1);
    expect(runner.isCompiled).toBe(true);
    parts.dispose();
  });

  it.each([
    [
      "draws numbers itself",
      { reason: /random\.uniform/, loss: (_: unknown, { random }: LossOptions) => tf.scalar(random.uniform()) },
    ],
    ["reads a value", { reason: /read/, loss: (x: tf.Tensor) => tf.scalar(tf.sum(x).dataSync()[0]!) }],
    [
      "has an optimizer that counts",
      {
        reason: /step/,
        transform: chain(
          adamW(),
          scaleBySchedule((step) => 1 / (1 + step)),
        ),
      },
    ],
  ] as [string, { reason: RegExp; loss?: () => tf.Scalar; transform?: GradientTransform }][])(
    "runs by itself where it %s",
    async (_, { reason, loss = () => tf.scalar(0), transform }) => {
      const weight = tf.variable(tf.tensor1d([1, 2]));
      const model: TensorTrainable<Float32Array> = {
        parameters: new Map([["weight", weight]]),
        buffers: new Map(),
        uploadBatch: (batch) => ({ tensors: { x: tf.tensor1d(batch) } }),
        lossTensor: ({ x }: { x: tf.Tensor1D }, options) => {
          const total = tf.add(tf.sum(tf.mul(weight, x)), (loss as (...args: unknown[]) => tf.Scalar)(x, options));
          return { total: total as tf.Scalar, metrics: {}, aux: {} };
        },
        loss(batch, options) {
          return this.lossTensor!(this.uploadBatch!(batch).tensors as never, options);
        },
      };
      const parts = steps({ ...model, dispose: () => weight.dispose() }, transform);
      const runner = new CompiledStep(parts);
      const random = Random.fromSeed(1);
      const { values } = runner.step({ batch: Float32Array.of(3, 4), learningRate: 0.5, random });
      expect((await values.data())[1]).toBeCloseTo(5, 5);
      values.dispose();
      expect(runner.isCompiled).toBe(false);
      expect((runner.refusal as Error).message).toMatch(reason);
      // Adam's first step has the length of the rate.
      expect((await weight.data())[0]).toBeCloseTo(0.5, 2);
      const notices: string[] = [];
      await train({
        ...{ model: parts.model, optimizer: transform ?? adamW(), batchSize: 1, steps: 2, random },
        examples: { count: 1, batch: () => Float32Array.of(3, 4) },
        schedule: constantSchedule(0.1),
        observers: [{ onNotice: (notice) => void notices.push(notice) }],
      });
      expect(notices).toEqual([expect.stringMatching(/^Steps are not compiled, and take longer: /)]);
      parts.dispose();
    },
  );

  it("goes on from a state as if it had never stopped, bit for bit", async () => {
    const run = async (resume?: { readonly state: Uint8Array }, stopAfter = Number.POSITIVE_INFINITY) => {
      const model = vqvae();
      const stop = new AbortController();
      const result = await train({
        ...{ model, examples: imageExamples(images), batchSize: 4, steps: 6, random: Random.fromSeed(3) },
        ...{ schedule: constantSchedule(0.01), weightAverage: { decay: 0.9 }, signal: stop.signal },
        ...(resume && { resume: resume.state }),
        observers: [{ onStep: ({ step }) => (step === stopAfter ? stop.abort() : undefined) }],
      });
      const bytes = await model.toSafetensors();
      model.dispose();
      return { ...result, bytes };
    };
    const whole = await run();
    const resumed = await run(await run(undefined, 3));
    expect(Buffer.compare(resumed.bytes, whole.bytes)).toBe(0);
    expect(resumed.history.steps.map(({ loss }) => loss)).toEqual(whole.history.steps.map(({ loss }) => loss));
  });
});

/**
 * Model, optimizer and average of one training, and how to free them. Adam's epsilon is large: a gradient that is 0 but for
 * rounding would else become a step of full length.
 */
function steps<Batch>(
  model: TensorTrainable<Batch> & { dispose(): void },
  transform = adamW({ weightDecay: 0.1, epsilon: 1e-2 }),
) {
  const optimizer = Optimizer.create(model.parameters, transform);
  const average = new WeightAverage(model.parameters, { decay: 0.9 });
  const dispose = () => {
    for (const part of [average, optimizer, model]) {
      part.dispose();
    }
  };
  return { model, optimizer, average, dispose };
}

async function state({ average, model, optimizer }: ReturnType<typeof steps<never>>): Promise<Float32Array[]> {
  const variables = [...model.parameters.values(), ...model.buffers.values(), ...optimizer.state.values()];
  const values = await Promise.all(variables.map((variable) => variable.data()));
  return [...values, ...[...(await average.toArrays()).values()].map(({ data }) => data)] as Float32Array[];
}

async function read({ names, values, weight }: ReturnType<typeof trainingStep>) {
  const read = (await values.data()) as Float32Array;
  values.dispose();
  return { names, values: read, weight };
}

function distance(found: readonly Float32Array[], expected: readonly Float32Array[]): number {
  return Math.max(
    ...found.flatMap((values, i) => Array.from(values, (value, k) => Math.abs(value - expected[i]![k]!))),
  );
}

function drawImages(count: number): ImageBatch {
  const random = Random.fromSeed(7);
  const data = Uint8Array.from({ length: count * 64 }, () => random.integer(4));
  return { data, count, height: 8, width: 8, channels: 1, maxValue: 3 };
}
