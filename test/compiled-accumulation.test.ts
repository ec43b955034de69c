import { registerOnnxBackend, useOnnx } from "@mmgen/backend-onnx";
import "@mmgen/nn/gradients";
import {
  type ExampleSource,
  type LossOptions,
  localProcesses,
  Random,
  readSafetensors,
  type StoredTensor,
} from "@mmgen/core";
import {
  adamW,
  chain,
  constantSchedule,
  type GradientTransform,
  imageExamples,
  type StepRecord,
  scaleBySchedule,
  type TrainOptions,
  train,
} from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { adversarial, images, type Model, sequences, transformer, vqvae } from "./fixtures/small-models.fixture.js";

beforeAll(async () => {
  registerOnnxBackend({ intraOpNumThreads: 1 });
  await tf.setBackend("onnx");
});

type Options = Partial<TrainOptions<never, unknown>>;
type Tensors = ReadonlyMap<string, StoredTensor>;

/** Five steps, with averaged weights: all tensors of the state but the history's, and the losses. */
async function run(
  model: Model,
  examples: unknown,
  { isCompiled = true, ...options }: Options & { isCompiled?: boolean },
) {
  if (!isCompiled) {
    Object.defineProperty(tf.backend(), "compile", { value: undefined, configurable: true });
  }
  const notices: string[] = [];
  const { history, state } = await train({
    ...{ model, examples: examples as ExampleSource<never>, batchSize: 4, steps: 5, random: Random.fromSeed(3) },
    ...{ schedule: constantSchedule(0.01), weightAverage: { decay: 0.9 } },
    // A gradient that is 0 but for rounding would else become a step of full length.
    optimizer: { epsilon: 1e-2, clipNorm: 1 },
    ...(model.adversary && { adversary: { optimizer: { epsilon: 1e-2 } } }),
    ...options,
    observers: [{ onNotice: (notice) => void notices.push(notice) }, ...(options.observers ?? [])],
  }).finally(() => {
    delete (tf.backend() as { compile?: unknown }).compile;
  });
  const tensors = new Map(readSafetensors(state).tensors);
  tensors.delete("history.steps");
  return { notices, tensors, losses: history.steps.map(({ loss }) => loss) };
}

function distance(found: Tensors, expected: Tensors): number {
  const distances = [...expected].map(([name, { data }]) => {
    const others = found.get(name)!.data;
    return Math.max(...Array.from(data, (value, i) => Math.abs(Number(value) - Number(others[i]))));
  });
  return Math.max(...distances);
}

/** Values that are read between the first and the second step, and those expected: metrics of every part, and norms. */
function countReads(model: Model, parts: number) {
  const read = vi.spyOn(tf.backend(), "read");
  const counts: number[] = [];
  const onStep = async ({ metrics, step }: StepRecord) => {
    if (step === 2) {
      const values = await Promise.all(read.mock.results.map(({ value }) => value as Promise<Float32Array>));
      const names = Object.keys(metrics).length + 2;
      counts.push(...values.map(({ length }) => length));
      expect(counts).toEqual([...Array(parts).fill(names), model.adversary ? 2 : 1]);
      read.mockRestore();
    }
    read.mockClear();
  };
  return { counts, observers: [{ onStep }] };
}

describe("a compiled step", () => {
  it.each([
    [4, "a VQ-VAE with batch norms whose dead codes are redrawn", vqvae as () => Model, imageExamples(images)],
    [2, "a VQ-VAE against a discriminator", adversarial, imageExamples(images)],
    [4, "a transformer with dropout and weighted targets", transformer, sequences],
  ])(
    "in %i parts does what a step by itself does, and leaves no tensor behind: %s",
    async (parts, _, create, examples) => {
      const before = tf.memory().numTensors;
      const models = [create(), create()] as const;
      const lossTensor = vi.spyOn(models[0] as Model & { lossTensor(...given: unknown[]): unknown }, "lossTensor");
      const { counts, observers } = countReads(models[0], parts);
      const compiled = await run(models[0], examples, { gradientAccumulation: parts, observers });
      // Once to see what is drawn, once to record it; and of what was computed metrics alone are read.
      expect(lossTensor).toHaveBeenCalledTimes(2);
      expect(counts).toHaveLength(parts + 1);
      expect(compiled.notices).toEqual([]);
      const plain = await run(models[1], examples, { gradientAccumulation: parts, isCompiled: false });
      for (const model of models) {
        model.dispose();
      }
      expect(tf.memory().numTensors).toBe(before);
      expect([...compiled.tensors.keys()]).toEqual([...plain.tensors.keys()]);
      // Float32 arithmetic in another order, over values of about 1.
      expect(distance(compiled.tensors, plain.tensors)).toBeLessThan(1e-4);
      plain.losses.forEach((loss, i) => void expect(compiled.losses[i]).toBeCloseTo(loss, 4));
    },
  );
});

it("compiled steps in two parts have every bit of those of two processes", async () => {
  const [alone, ...both] = [transformer(), transformer(), transformer()];
  const { losses } = await run(alone!, sequences, { gradientAccumulation: 2 });
  const groups = localProcesses(2);
  const results = await Promise.all(both.map((model, i) => run(model, sequences, { group: groups[i]! })));
  for (const [i, model] of both.entries()) {
    expect(results[i]!.losses).toEqual(losses);
    for (const [name, variable] of model.parameters) {
      expect(variable.dataSync(), name).toEqual(alone!.parameters.get(name)!.dataSync());
    }
  }
  for (const model of [alone!, ...both]) {
    model.dispose();
  }
});

interface Line extends Model {
  readonly parameters: Map<string, tf.Variable>;
}

/** A line through the origin, both of whose factors have one gradient, and a running mean of what `afterStep` gets. */
function line({ draw = () => 0, after = () => 0 }: { draw?(random: Random): number; after?(sum: tf.Tensor): number }) {
  const variable = (value: number) => tf.tidy(() => tf.variable(tf.tensor1d([value])));
  const [first, second, mean] = [variable(1), variable(2), variable(0)];
  const uploadBatch = (batch: Float32Array) => ({ tensors: { x: tf.tensor1d(batch) } });
  const lossTensor = ({ x }: { x: tf.Tensor1D }, { random }: LossOptions) => {
    const sum = tf.sum(tf.mul(x, tf.add(first, second)));
    return { total: tf.add(sum, draw(random)) as tf.Scalar, metrics: {}, aux: { both: [sum, { x: tf.clone(x) }] } };
  };
  const model = {
    parameters: new Map([
      ["first", first],
      ["second", second],
    ]),
    buffers: new Map([["mean", mean]]),
    ...{ uploadBatch, lossTensor },
    loss: (batch: Float32Array, options: LossOptions) => lossTensor(uploadBatch(batch).tensors, options),
    afterStep: ({ both: [sum, { x }] }: { both: [tf.Tensor, { x: tf.Tensor }] }) => {
      mean.assign(tf.add(tf.mul(mean, 0.5), tf.add(tf.mul(sum, tf.mean(x)), after(sum))));
    },
    dispose: () => tf.dispose([first, second, mean]),
  };
  return model as unknown as Line;
}

const numbers = { count: 8, batch: (indices: Int32Array) => Float32Array.from(indices, (index) => index / 8) };

const counting = chain(
  adamW(),
  scaleBySchedule((step) => 1 / (1 + step)),
);

it.each([
  ["is compiled", {}, undefined, undefined],
  ["draws numbers itself", { draw: (random: Random) => random.uniform() }, undefined, /random\.uniform/],
  ["reads a value after the step", { after: (sum: tf.Tensor) => sum.dataSync()[0]! }, undefined, /read/],
  ["has an optimizer that counts", {}, counting, /step/],
] as [string, Parameters<typeof line>[0], GradientTransform | undefined, RegExp | undefined][])(
  "a model that %s takes the same steps, and says once why they are not compiled",
  async (_, parts, optimizer, reason) => {
    const before = tf.memory().numTensors;
    const [found, expected] = [line(parts), line(parts)];
    const options = { gradientAccumulation: 2, ...(optimizer && { optimizer }) };
    const { notices, tensors } = await run(found, numbers, options);
    const plain = await run(expected, numbers, { ...options, isCompiled: false });
    expect(notices).toEqual(reason ? [expect.stringMatching(/^Steps are not compiled, and take longer: /)] : []);
    expect(notices.join()).toMatch(reason ?? "");
    expect(distance(tensors, plain.tensors)).toBeLessThan(1e-5);
    found.dispose();
    expected.dispose();
    expect(tf.memory().numTensors).toBe(before);
  },
);

it("a step that fails between its parts changes nothing, and leaves no tensor behind", async () => {
  const before = tf.memory().numTensors;
  const [model, whole] = [line({}), line({})];
  let batches = 0;
  const failing = {
    ...numbers,
    batch: (indices: Int32Array) => {
      if (++batches === 6) {
        throw new Error("the disk is gone");
      }
      return numbers.batch(indices);
    },
  };
  const options = { gradientAccumulation: 2, weightAverage: undefined as never };
  await expect(run(model, failing, options)).rejects.toThrow("the disk is gone");
  await run(whole, numbers, { ...options, steps: 2 });
  for (const [name, variable] of model.parameters) {
    expect(variable.dataSync(), name).toEqual(whole.parameters.get(name)!.dataSync());
  }
  model.dispose();
  whole.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

it.each([{}, { replay: true }])(
  "sums in ONNX Runtime's memory have the same bits, and are freed: %o",
  async (place) => {
    const results = [];
    for (const options of [{ keepOnDevice: false }, { keepOnDevice: true, ...place }]) {
      const backend = await useOnnx({ runtime: "c-api", intraOpNumThreads: 1, ...options });
      const model = transformer();
      results.push(await run(model, sequences, { gradientAccumulation: 4 }));
      model.dispose();
      expect(backend.memory().deviceBytes).toBe(0);
      expect(backend.sessions().replayed > 0).toBe("replay" in options);
    }
    const [expected, found] = results;
    expect(found!.losses).toEqual(expected!.losses);
    expect(found!.tensors).toEqual(expected!.tensors);
  },
);
