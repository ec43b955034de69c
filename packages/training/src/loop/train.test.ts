import { CheckpointError, ConfigError, type LossOptions } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it, vi } from "vitest";
import { constantSchedule } from "../optimizers/schedules.js";
import { evaluateLoss } from "./evaluate-loss.js";
import { DivergenceError } from "./run-errors.js";
import type { Points } from "./tiny-regression.fixture.js";
import { examples, newModel, options, stopAfter, timeless } from "./tiny-run.fixture.js";
import { train } from "./train.js";

describe("train", () => {
  it("learns, and reports every step and evaluation", async () => {
    const model = newModel();
    const calls: string[] = [];
    const { status, step, history } = await train({
      ...options(model),
      observers: [
        {
          onStart: ({ step, totalSteps, stepsPerEpoch, batchSize }) =>
            void calls.push(`start ${step}/${totalSteps}, ${stepsPerEpoch} an epoch of ${batchSize}`),
          onStep: ({ step }) => void calls.push(`step ${step}`),
          onEpoch: async ({ epoch }) => void calls.push(`epoch ${epoch}`),
          onEnd: (status, { step }) => void calls.push(`${status} ${step}`),
        },
      ],
    });
    expect({ status, step }).toEqual({ status: "completed", step: 24 });
    const stepsFrom = (first: number) => Array.from({ length: 6 }, (_, i) => `step ${first + i}`);
    const epoch = (n: number) => [...stepsFrom(6 * n - 5), `epoch ${n}`];
    expect(calls).toEqual(["start 0/24, 6 an epoch of 8", "epoch 0", ...[1, 2, 3, 4].flatMap(epoch), "completed 24"]);
    expect(history.steps.map((record) => record.epoch)).toEqual([1, 2, 3, 4].flatMap((n) => Array(6).fill(n)));
    expect(history.epochs.map((record) => record.step)).toEqual([0, 6, 12, 18, 24]);
    expect(history.epochs[0]).not.toHaveProperty("trainLoss");
    const firstEpoch = history.steps.slice(0, 6).reduce((sum, { loss }) => sum + loss, 0) / 6;
    expect(history.epochs[1]!.trainLoss).toBeCloseTo(firstEpoch, 12);
    expect(history.epochs[4]!.metrics.loss!).toBeLessThan(history.epochs[0]!.metrics.loss! / 3);
    expect(history.steps[2]!.learningRate).toBe(Math.fround(0.05));
    expect(Object.keys(history.steps[0]!.metrics)).toEqual(["absolute"]);
    expect(model.initialized).toBe(1);
    model.dispose();
  });

  it("evaluates within an epoch where asked to, and trains and resumes as without", async () => {
    const [plain, often, stopped, resumed] = [newModel(), newModel(), newModel(), newModel()];
    await train(options(plain));
    const every = { evaluateEverySteps: 4 };
    const { history } = await train({ ...options(often), ...every });
    expect(history.epochs.map(({ step }) => step)).toEqual([0, 4, 6, 8, 12, 16, 18, 20, 24]);
    expect(history.epochs[1]!.epoch).toBeCloseTo(4 / 6, 6);
    const first = await train({ ...options(stopped), ...every, ...stopAfter(8) });
    const second = await train({ ...options(resumed), ...every, resume: first.state });
    expect(timeless(second.history)).toEqual(timeless(history));
    const weights = [plain, often, resumed].map((model) =>
      [...model.parameters.values()].map((each) => [...each.dataSync()]),
    );
    expect(weights[1]).toEqual(weights[0]);
    expect(weights[2]).toEqual(weights[0]);
    for (const model of [plain, often, stopped, resumed]) {
      model.dispose();
    }
  });

  it("calls every onEnd, also after one of the observers fails", async () => {
    const calls: string[] = [];
    const broken = { onStart: () => Promise.reject(new Error("no room")), onEnd: () => void calls.push("second") };
    const observers = [
      { onEnd: (status: string) => void calls.push(`first ${status}`) },
      broken,
      { onEnd: () => void calls.push("third") },
    ];
    const model = newModel();
    await expect(train({ ...options(model), observers })).rejects.toThrow("no room");
    expect(calls).toEqual(["first failed", "second"]);
    const failing = { onEnd: () => Promise.reject(new Error("disk full")) };
    await expect(train({ ...options(model), epochs: 1, observers: [failing, observers[2]!] })).rejects.toThrow(
      "disk full",
    );
    expect(calls).toEqual(["first failed", "second", "third"]);
    model.dispose();
  });

  it("leaves no tensor behind, whatever the end", async () => {
    const before = tf.memory().numTensors;
    const model = newModel();
    const own = tf.memory().numTensors;
    await train({ ...options(model), epochs: 1 });
    expect(tf.memory().numTensors).toBe(own);
    const { state } = await train({ ...options(model), ...stopAfter(2) });
    expect(tf.memory().numTensors).toBe(own);
    await expect(train({ ...options(model), resume: state.slice(0, -1) })).rejects.toThrow(CheckpointError);
    await expect(train({ ...options(model), schedule: constantSchedule(1e30) })).rejects.toThrow(DivergenceError);
    expect(tf.memory().numTensors).toBe(own);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("tells a loss the steps taken, in every part, and none where no step is taken", async () => {
    const model = newModel();
    const told: string[] = [];
    const { parameters, buffers } = model;
    const listening: typeof model = Object.assign(Object.create(model), {
      ...{ parameters, buffers },
      loss: (batch: Points, options: LossOptions) => {
        told.push(`${options.training ? "train" : "test"} ${options.step}`);
        return model.loss(batch, options);
      },
    });
    const run = { ...options(listening), epochs: 2, gradientAccumulation: 2, weightAverage: { decay: 0.5 } };
    const { state } = await train({ ...run, ...stopAfter(3) });
    expect(told).toEqual([...Array(3).fill("test undefined"), ...[0, 0, 1, 1, 2, 2].map((step) => `train ${step}`)]);
    told.length = 0;
    await train({ ...run, resume: state });
    // After each epoch a quarter of its steps goes through the averaged weights, after the last one a quarter of all.
    const pass = [...Array(2).fill("train undefined"), ...Array(3).fill("test undefined")];
    const steps = (...numbers: number[]) => numbers.flatMap((step) => [`train ${step}`, `train ${step}`]);
    const last = ["train undefined", ...pass];
    expect(told).toEqual([...steps(3, 4, 5), ...pass, ...steps(6, 7, 8, 9, 10, 11), ...last]);
    model.dispose();
  });

  it("reads once a step", async () => {
    const model = newModel();
    const read = vi.spyOn(tf.backend(), "read");
    // This backend's `read` is `readSync` inside: any other synchronous read would show as a difference.
    const readSync = vi.spyOn(tf.backend(), "readSync");
    const reads: [number, number][] = [];
    const onStep = () => void reads.push([read.mock.calls.length, readSync.mock.calls.length]);
    await train({ ...options(model), evaluate: async () => ({}), observers: [{ onStep }] });
    vi.restoreAllMocks();
    expect(reads).toEqual(Array.from({ length: 24 }, (_, i) => [i + 1, i + 1]));
    model.dispose();
  });

  it("feeds every example once an epoch, in an order that depends on seed and epoch alone", async () => {
    const orders: number[][] = [];
    const spy = {
      count: 48,
      batch: (indices: Int32Array, context: Parameters<typeof examples.batch>[1]) => {
        orders.push([...indices]);
        return examples.batch(indices, context);
      },
    };
    const model = newModel();
    await train({ ...options(model), examples: spy, epochs: 2 });
    const [, ...steps] = orders; // the first call is for the initialization
    expect(orders[0]).toEqual(steps[0]);
    const [first, second] = [steps.slice(0, 6).flat(), steps.slice(6).flat()];
    const all = Array.from({ length: 48 }, (_, i) => i);
    expect([...first!].sort((a, b) => a - b)).toEqual(all);
    expect([...second!].sort((a, b) => a - b)).toEqual(all);
    expect(second).not.toEqual(first);
    model.dispose();
  });

  it("stops at the end of a run counted in steps, within an epoch", async () => {
    const model = newModel();
    const { epochs: _, ...rest } = options(model);
    const { history } = await train({ ...rest, steps: 9 });
    expect(history.epochs.map(({ epoch, step }) => [epoch, step])).toEqual([
      [0, 0],
      [1, 6],
      [1.5, 9],
    ]);
    model.dispose();
  });

  it("hears a signal that a timer fires, on a backend that computes at once", async () => {
    const model = newModel();
    const soon = () => {
      const controller = new AbortController();
      setTimeout(() => controller.abort());
      return controller.signal;
    };
    const { epochs: _, ...rest } = options(model);
    expect((await train({ ...rest, steps: 100_000, signal: soon() })).status).toBe("aborted");
    const endless: typeof examples = {
      count: 1_000_000,
      batch: (indices, context) =>
        examples.batch(
          indices.map((i) => i % examples.count),
          context,
        ),
    };
    const evaluation = evaluateLoss({ model, examples: endless, batchSize: 1, signal: soon() });
    await expect(evaluation).rejects.toThrow("stopped by its signal");
    model.dispose();
  });

  it("does nothing when its signal has fired before", async () => {
    const model = newModel();
    const { status, step, history } = await train({ ...options(model), signal: AbortSignal.abort() });
    expect({ status, step, epochs: history.epochs }).toEqual({ status: "aborted", step: 0, epochs: [] });
    model.dispose();
  });

  it("names the step at which a loss is not a finite number", async () => {
    const model = newModel();
    const ends: string[] = [];
    const run = train({
      ...options(model),
      examples: {
        count: 50,
        batch: async (indices, context) => {
          const batch = await examples.batch(indices, context);
          return context.epoch === 1 ? { ...batch, targets: batch.targets.fill(Number.NaN) } : batch;
        },
      },
      observers: [{ onEnd: (status) => void ends.push(status) }],
    });
    await expect(run).rejects.toThrow(/diverged at step 7: loss NaN/);
    await expect(run).rejects.toMatchObject({ name: "DivergenceError", step: 7 });
    expect(ends).toEqual(["failed"]);
    model.dispose();
  });

  it("refuses options that do not fit each other", async () => {
    const model = newModel();
    const { epochs: _, ...neither } = options(model);
    await expect(train(neither)).rejects.toThrow(/either epochs or steps/);
    await expect(train({ ...options(model), steps: 3 })).rejects.toThrow(ConfigError);
    await expect(train({ ...options(model), batchSize: 51 })).rejects.toThrow(/51 examples and there are 50/);
    await expect(train({ ...options(model), batchSize: 0 })).rejects.toThrow(/batchSize/);
    model.dispose();
  });

  it("refuses unknown options with the nearest name, and values of another type", async () => {
    const model = newModel();
    const refusals: [object, RegExp][] = [
      [{ shedule: constantSchedule(1) }, /shedule: .* did you mean "schedule"\?/],
      [{ optimizer: { weightdecay: 0.1 } }, /optimizer\.weightdecay: .* did you mean "weightDecay"\?/],
      [{ optimizer: { beta1: 1 } }, /optimizer\.beta1: expected a number of at least 0 and below 1, got 1 \(number\)/],
      [{ optimizer: "adam" }, /optimizer: expected an object of options, or a transform, got "adam" \(string\)/],
      [{ weightAverage: { dekay: 0.9 } }, /weightAverage\.dekay: .* did you mean "decay"\?/],
      [{ earlyStopping: { patience: 1, goal: "least" } }, /earlyStopping\.goal: expected "min" or "max"/],
      [{ checkpoint: { everyStep: 1, write: () => {} } }, /checkpoint\.everyStep: .* did you mean "everySteps"\?/],
      [{ observers: [null] }, /observers\[0\]: expected a TrainingObserver, got null/],
      [{ resume: "state" }, /resume: expected the bytes of a training state/],
      [{ random: 1 }, /random: expected a Random of @mmgen\/core, such as .*, got 1/],
      [{ examples: [] }, /examples: expected an ExampleSource/],
    ];
    for (const [wrong, message] of refusals) {
      const refused = train({ ...options(model), ...wrong } as never);
      await expect(refused).rejects.toThrow(message);
      await expect(refused).rejects.toThrow(ConfigError);
    }
    await expect(evaluateLoss({ model, examples, batchsize: 8 } as never)).rejects.toThrow(
      /did you mean "batchSize"\?/,
    );
    await expect(train(undefined as never)).rejects.toThrow(ConfigError);
    model.dispose();
  });
});
