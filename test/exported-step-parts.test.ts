import { exportOnnx, registerOnnxBackend } from "@mmgen/backend-onnx";
import { ConfigError, type ExampleSource, type ImageBatch, localProcesses, Random } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import { TinyTransformer, type TransformerBatch } from "@mmgen/tiny-transformer";
import {
  adamW,
  constantSchedule,
  type ExportablePartsOptions,
  exportableState,
  exportableStepParts,
  imageExamples,
  Optimizer,
  train,
  windowExamples,
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
const [parts, batchSize, steps] = [2, 8, 3];
const transform = adamW({ clipNorm: 0.5, weightDecay: 0.1 });

/** Adds up a part's outputs of a prefix, `factor` times each. */
function addUp(found: readonly Feeds[], prefix: string, factor: number): Feeds {
  const names = Object.keys(found[0]!).filter((name) => name.startsWith(prefix));
  return Object.fromEntries(
    names.map((name) => {
      const values = found.map((outputs) => outputs[name]!.data as Float32Array);
      const sums = values[0]!.map((_, i) => factor * values.reduce((sum, each) => sum + each[i]!, 0));
      return [name, new ort.Tensor("float32", sums, found[0]![name]!.dims)];
    }),
  );
}

/** Steps whose parts are computed one after the other by the files. */
async function runParts(files: Record<"gradients" | "update" | "state", Uint8Array>, batches: readonly Feeds[][]) {
  const [gradients, update, first] = await Promise.all(
    [files.gradients, files.update, files.state].map((file) => ort.InferenceSession.create(file)),
  );
  const wanted = (session: ort.InferenceSession, all: Feeds) =>
    Object.fromEntries(session.inputNames.filter((name) => name in all).map((name) => [name, all[name]!]));
  let state = (await first!.run({})) as Feeds;
  const metrics: Record<string, number>[] = [];
  for (const batch of batches) {
    const found: Feeds[] = [];
    for (const part of batch) {
      found.push((await gradients!.run(wanted(gradients!, { ...part, ...state }))) as Feeds);
    }
    const rate = new ort.Tensor("float32", Float32Array.of(learningRate), []);
    const sums = { ...addUp(found, "gradient.", 1 / parts), ...addUp(found, "sum.", 1) };
    const moved = (await update!.run({ ...sums, ...state, learningRate: rate })) as Feeds;
    state = Object.fromEntries(
      Object.entries(moved).flatMap(([name, tensor]) => (name.startsWith("next.") ? [[name.slice(5), tensor]] : [])),
    );
    const number = (tensor: ort.Tensor) => Number(tensor.data[0]);
    const loss = found.reduce((sum, outputs) => sum + number(outputs.loss!) / parts, 0);
    metrics.push({ loss, gradientNorm: number(moved.gradientNorm!) });
  }
  await Promise.all([gradients, update, first].map((session) => session!.release()));
  return { metrics, state };
}

/** Processes in this one, each with a model; and the batches of the parts, by step. */
async function trainInGroup<Batch, Aux>(
  models: readonly TensorTrainable<Batch, Aux>[],
  examples: ExampleSource<Batch>,
) {
  const batches = models.map((): Batch[] => []);
  const recording = (rank: number): ExampleSource<Batch> => ({
    count: examples.count,
    batch: async (indices, context) => {
      const batch = await examples.batch(indices, context);
      batches[rank]!.push(batch);
      return batch;
    },
  });
  const runs = await Promise.all(
    localProcesses(parts).map((group, rank) =>
      train({
        ...{ model: models[rank]!, examples: recording(rank), batchSize, steps, optimizer: transform, group },
        ...{ schedule: constantSchedule(learningRate), random: Random.fromSeed(5) },
      }),
    ),
  );
  const lists = batches.map((list) => list.slice(-steps));
  const ofSteps = lists[0]!.map((_, step) => lists.map((list) => list[step]!));
  return { records: runs[0]!.history.steps, ofSteps };
}

async function compare<Batch, Aux>(
  models: readonly TensorTrainable<Batch, Aux>[],
  examples: ExampleSource<Batch>,
  { inputs, feeds }: Pick<ExportablePartsOptions<Aux>, "inputs"> & { feeds: (batch: Batch) => Feeds },
) {
  const [model] = models as [(typeof models)[number]];
  using optimizer = Optimizer.create(model.parameters, transform);
  const halves = exportableStepParts({ model, optimizer, inputs, parts });
  const files = {
    gradients: await exportOnnx(halves.gradients),
    update: await exportOnnx(halves.update),
    state: await exportOnnx(exportableState(halves.update)),
  };
  const { ofSteps, records } = await trainInGroup(models, examples);
  const { metrics, state } = await runParts(
    files,
    ofSteps.map((batches) => batches.map(feeds)),
  );
  for (const [i, { gradientNorm, loss }] of records.entries()) {
    // Float32, and sums in another order.
    expect(Math.abs(metrics[i]!.loss! - loss)).toBeLessThan(1e-5 * Math.max(1, loss));
    expect(Math.abs(metrics[i]!.gradientNorm! - gradientNorm)).toBeLessThan(1e-5 * Math.max(1, gradientNorm));
  }
  expect([...(state.step!.data as Int32Array)]).toEqual([steps]);
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
const ids = { shape: ["batch", length], dtype: "int32" } as const;
const text = windowExamples(
  Int32Array.from({ length: 60 }, (_, i) => (i * i) % 11),
  { length },
);
const createTransformer = () =>
  TinyTransformer.create(
    { vocabularySize: 11, contextLength: length, width: 8, heads: 2, layers: 1 },
    { random: Random.fromSeed(1) },
  );
const createVqVae = (changes: object, normalization: "batch" | "group" = "batch") =>
  VqVae.create(
    {
      imageSide: 8,
      network: { hiddenChannels: 8, normalization },
      // Not the means of latents, whose gradient is rounding alone.
      quantizer: { codebookSize: 16, codeDimension: 4, start: "uniform", deadCodeThreshold: 0, ...changes },
    },
    { random: Random.fromSeed(1) },
  );

describe("a training step in two files, with a sum between them", () => {
  it("of a transformer gives the steps of train in a group", async () => {
    using one = createTransformer();
    using two = createTransformer();
    const feeds = ({ inputs, targets }: TransformerBatch): Feeds => ({
      inputs: int(inputs.data, [inputs.count, length]),
      targets: int(targets.data, [targets.count, length]),
    });
    await compare([one, two], text, { inputs: { inputs: ids, targets: ids }, feeds });
  });

  it.each([
    ["ema", "batch"],
    ["gradient", "group"],
  ] as const)("of an image tokenizer whose codebook learns by %s, with %s norms", async (codebook, normalization) => {
    using one = createVqVae({ codebook }, normalization);
    using two = createVqVae({ codebook }, normalization);
    const data = Uint8Array.from({ length: 24 * 192 }, (_, i) => (Math.floor(i / 192) * 31 + i * i) % 4);
    const images: ImageBatch = { data, count: 24, height: 8, width: 8, channels: 3, maxValue: 3 };
    await Promise.all([one, two].map((model) => model.initialize(images, Random.fromSeed(2))));
    const levels = { shape: ["batch", 8, 8, 3], dtype: "int32" } as const;
    const feeds = (batch: ImageBatch): Feeds => ({ levels: int(batch.data, [batch.count, 8, 8, 3]) });
    await compare([one, two], imageExamples(images), { inputs: { levels }, feeds });
  });

  it("is refused where buffers need the whole batch, or a part draws", () => {
    using model = createTransformer();
    using optimizer = Optimizer.create(model.parameters, transform);
    const inputs = { inputs: ids, targets: ids };
    const whole = {
      ...{ parameters: model.parameters, buffers: model.buffers, lossTensor: model.lossTensor.bind(model) },
      afterStep: () => {},
    };
    expect(() => exportableStepParts({ model: whole as never, optimizer, inputs, parts })).toThrow("partSums");
    expect(() => exportableStepParts({ model, optimizer, inputs, parts: 0 })).toThrow(ConfigError);
    using reviving = createVqVae({ deadCodeThreshold: 0.3 });
    const levels = { shape: ["batch", 8, 8, 3], dtype: "int32" } as const;
    using other = Optimizer.create(reviving.parameters, transform);
    const held = tf.memory().numTensors;
    expect(() => exportableStepParts({ model: reviving, optimizer: other, inputs: { levels }, parts })).toThrow(
      "draws random numbers",
    );
    expect(tf.memory().numTensors).toBe(held);
  });
});
