import { exportOnnx, registerOnnxBackend } from "@mmgen/backend-onnx";
import { ConfigError, type ExampleSource, type ImageBatch, Random, type TokenBatch } from "@mmgen/core";
import type { ExportableFunction, TensorTrainable } from "@mmgen/nn";
import { TinyTransformer, type TransformerBatch } from "@mmgen/tiny-transformer";
import {
  adamW,
  chain,
  constantSchedule,
  exportableState,
  exportableTrainingStep,
  type GradientTransform,
  Optimizer,
  partition,
  scale,
  scaleBySchedule,
  train,
} from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

type Feeds = Record<string, ort.Tensor>;
const int = (values: Iterable<number>, dims: number[]) => new ort.Tensor("int32", Int32Array.from(values), dims);
const learningRate = 3e-3;

/** Runs the first state and then steps, each fed with its predecessor's state. */
async function runSteps([first, step]: readonly Uint8Array[], batches: readonly Feeds[]) {
  const [initial, session] = await Promise.all([first!, step!].map((file) => ort.InferenceSession.create(file)));
  let state = (await initial!.run({})) as Feeds;
  const steps: Feeds[] = [];
  for (const batch of batches) {
    const rate = new ort.Tensor("float32", Float32Array.of(learningRate), []);
    const found = (await session!.run({ ...batch, learningRate: rate, ...state })) as Feeds;
    state = Object.fromEntries(
      Object.entries(found).flatMap(([name, tensor]) => (name.startsWith("next.") ? [[name.slice(5), tensor]] : [])),
    );
    steps.push(found);
  }
  await Promise.all([initial, session].map((each) => each!.release()));
  return { steps, state };
}

/** Three native steps on batches of four, and the batches. */
async function trainNatively<Batch, Aux>(
  model: TensorTrainable<Batch, Aux>,
  examples: ExampleSource<Batch>,
  optimizer: GradientTransform,
) {
  const batches: Batch[] = [];
  const recording: ExampleSource<Batch> = {
    count: examples.count,
    batch: async (indices, context) => {
      const batch = await examples.batch(indices, context);
      batches.push(batch);
      return batch;
    },
  };
  const { history } = await train({
    model,
    examples: recording,
    batchSize: 4,
    steps: 3,
    schedule: constantSchedule(learningRate),
    optimizer,
    random: Random.fromSeed(5),
  });
  // A model that starts from its data is given a batch before the first step.
  return { batches: batches.slice(-3), records: history.steps };
}

/** An exported step against three of `train`: losses and norms, and then every variable. */
async function compareSteps<Batch, Aux>(
  model: TensorTrainable<Batch, Aux>,
  step: ExportableFunction,
  {
    examples,
    feeds,
    transform,
  }: {
    examples: ExampleSource<Batch>;
    feeds: (batch: Batch) => Feeds;
    transform: GradientTransform;
  },
) {
  const files = [await exportOnnx(exportableState(step)), await exportOnnx(step)];
  const { batches, records } = await trainNatively(model, examples, transform);
  const { steps, state } = await runSteps(files, batches.map(feeds));
  expect(records).toHaveLength(3);
  for (const [i, { gradientNorm, loss, metrics }] of records.entries()) {
    for (const [name, value] of Object.entries({ loss, gradientNorm, ...metrics })) {
      const exported = Number(steps[i]![name]!.data[0]);
      expect(Math.abs(exported - value), `${name} of step ${i + 1}`).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    }
  }
  expect([...(state.step!.data as Int32Array)]).toEqual([3]);
  for (const [name, variable] of [...model.parameters, ...model.buffers]) {
    // A bias before a batch norm has no gradient but rounding, which Adam makes a step of.
    if (/\.bias$|running_mean$/.test(name)) {
      continue;
    }
    const native = variable.dataSync();
    for (const [i, value] of (state[name]!.data as Float32Array).entries()) {
      expect(Math.abs(value - native[i]!), name).toBeLessThan(1e-4);
    }
  }
}

const length = 6;
const createTransformer = (dropout = 0) =>
  TinyTransformer.create(
    { vocabularySize: 11, contextLength: length, width: 8, heads: 2, layers: 1, dropout },
    { random: Random.fromSeed(1) },
  );
const ids = { shape: ["batch", length], dtype: "int32" } as const;
const tokens: ExampleSource<TransformerBatch> = {
  count: 12,
  batch: (indices) => {
    const rows = (factor: number): TokenBatch => ({
      data: Int32Array.from({ length: indices.length * length }, (_, i) => {
        const row = indices[Math.floor(i / length)]!;
        return (row * 7 + (i % length) * factor) % 11;
      }),
      count: indices.length,
      length,
    });
    return { inputs: rows(3), targets: rows(5) };
  },
};
const feedTokens = ({ inputs, targets }: TransformerBatch): Feeds => ({
  inputs: int(inputs.data, [inputs.count, length]),
  targets: int(targets.data, [targets.count, length]),
});

describe("a whole training step as a file", () => {
  it("of a transformer gives the losses of native steps, with parts that learn at other rates", async () => {
    using model = createTransformer();
    const slow = partition((name) => (name.includes("wte") ? "slow" : "rest"), {
      slow: chain(adamW({ clipNorm: 0.5 }), scale(0.1)),
      rest: adamW({ clipNorm: 1, weightDecay: 0.1 }),
    });
    using optimizer = Optimizer.create(model.parameters, slow);
    const step = exportableTrainingStep({ model, optimizer, inputs: { inputs: ids, targets: ids } });
    await compareSteps(model, step, { examples: tokens, feeds: feedTokens, transform: slow });
  });

  it("of an image tokenizer with batch norm and running counts of its codes", async () => {
    using model = VqVae.create(
      {
        imageSide: 8,
        network: { hiddenChannels: 8 },
        quantizer: { codebookSize: 16, codeDimension: 4, deadCodeThreshold: 0 },
      },
      { random: Random.fromSeed(1) },
    );
    const images: ExampleSource<ImageBatch> = {
      count: 12,
      batch: (indices) => ({
        data: Uint8Array.from(
          { length: indices.length * 192 },
          (_, i) => (indices[Math.floor(i / 192)]! * 31 + i * i) % 4,
        ),
        count: indices.length,
        height: 8,
        width: 8,
        channels: 3,
        maxValue: 3,
      }),
    };
    await model.initialize(await images.batch(Int32Array.of(0, 1, 2, 3, 4, 5), {} as never), Random.fromSeed(2));
    const transform = adamW();
    using optimizer = Optimizer.create(model.parameters, transform);
    const levels = { shape: ["batch", 8, 8, 3], dtype: "int32" } as const;
    const step = exportableTrainingStep({ model, optimizer, inputs: { levels } });
    const feeds = ({ count, data }: ImageBatch): Feeds => ({ levels: int(data, [count, 8, 8, 3]) });
    await compareSteps(model, step, { examples: images, feeds, transform });
  });

  it("takes a loss of the caller's own, and weights of targets", async () => {
    using model = createTransformer();
    using optimizer = Optimizer.create(model.parameters, adamW());
    const inputs = { inputs: ids, targets: ids, weights: { ...ids, dtype: "float32" } } as const;
    const step = exportableTrainingStep({
      model,
      optimizer,
      inputs,
      loss: (tensors, options) => model.lossTensor(tensors as never, options),
    });
    const batch = await tokens.batch(Int32Array.of(0, 1), {} as never);
    const weights = Float32Array.from({ length: 2 * length }, (_, i) => i % 3);
    const feeds = { ...feedTokens(batch), weights: new ort.Tensor("float32", weights, [2, length]) };
    const { steps } = await runSteps([await exportOnnx(exportableState(step)), await exportOnnx(step)], [feeds]);
    const { total } = model.loss({ ...batch, weights }, { training: true, random: Random.fromSeed(1) });
    expect(Number(steps[0]!.loss!.data[0])).toBeCloseTo(total.dataSync()[0]!, 5);
  });

  it("is refused where a file cannot compute it, and leaves the model as it was", async () => {
    const inputs = { inputs: ids, targets: ids };
    const refusal = async (dropout: number, transform: GradientTransform) => {
      using model = createTransformer(dropout);
      using optimizer = Optimizer.create(model.parameters, transform);
      const before = await model.toSafetensors();
      const error: unknown = await exportOnnx(exportableTrainingStep({ model, optimizer, inputs })).catch((e) => e);
      expect(ConfigError.isInstance(error), `${error}`).toBe(true);
      expect(await model.toSafetensors()).toEqual(before);
      return String(error);
    };
    const own = (change: (rate: number, step: () => number) => number): GradientTransform => ({
      update: (updates, context) => ({
        updates: new Map(
          [...updates].map(([name, update]) => [
            name,
            { ...update, stepSize: change(update.stepSize, () => context.step) },
          ]),
        ),
      }),
    });
    expect(await refusal(0.1, adamW())).toContain("Make the model without dropout");
    expect(await refusal(0, chain(adamW(), scaleBySchedule(constantSchedule(1))))).toContain(
      "cannot compute a schedule",
    );
    expect(
      await refusal(
        0,
        own((rate, step) => rate / step()),
      ),
    ).toContain("recordedStep");
    expect(
      await refusal(
        0,
        own((rate) => Math.min(rate, 0.5)),
      ),
    ).toContain("in proportion to the learning rate");
    using model = createTransformer();
    using optimizer = Optimizer.create(model.parameters, adamW());
    const asking = exportableTrainingStep({
      ...{ model, optimizer, inputs },
      loss: (tensors, options) => model.lossTensor(tensors as never, { ...options, training: options.step === 0 }),
    });
    await expect(exportOnnx(asking)).rejects.toThrow("depends on the number of the step");
    expect(() => exportableTrainingStep({ model, optimizer, inputs: { ...inputs, step: ids } })).toThrow('"step"');
    expect(() => exportableTrainingStep({ model, inputs } as never)).toThrow("optimizer");
    const bare = { parameters: model.parameters, buffers: model.buffers };
    expect(() => exportableTrainingStep({ model: bare, optimizer, inputs })).toThrow("lossTensor");
  });
});
