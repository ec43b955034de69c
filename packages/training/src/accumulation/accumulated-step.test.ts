import { ConfigError, DataError, Random, readSafetensors } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import type { TensorTrainable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it, vi } from "vitest";
import { DivergenceError } from "../loop/run-errors.js";
import { type Points, points, TinyRegression } from "../loop/tiny-regression.fixture.js";
import { train } from "../loop/train.js";
import { WeightedRows, weightedRows } from "../loop/weighted-rows.fixture.js";
import { constantSchedule, cosineSchedule } from "../optimizers/schedules.js";

const examples = points(Random.fromSeed(7), 50);

/** The model without what differs between a batch and its parts: noise, and a state that moves with each batch. */
function quiet(model: TinyRegression): TensorTrainable<Points, { hidden: tf.Tensor2D }> {
  const { parameters, buffers } = model;
  return { parameters, buffers, loss: (batch, options) => model.loss(batch, { ...options, training: false }) };
}

function options(model: TensorTrainable<Points, { hidden: tf.Tensor2D }>, gradientAccumulation?: number) {
  return {
    model,
    examples,
    batchSize: 8,
    epochs: 4,
    schedule: cosineSchedule({ learningRate: 0.05, totalSteps: 24 }),
    optimizer: { clipNorm: 0.5 },
    random: Random.fromSeed(11),
    ...(gradientAccumulation !== undefined && { gradientAccumulation }),
  };
}

describe("train with gradientAccumulation", () => {
  it.each([2, 4, 8])("takes the steps of the whole batch, in %i parts", async (parts) => {
    const [whole, inParts] = [new TinyRegression(Random.fromSeed(3)), new TinyRegression(Random.fromSeed(3))];
    const expected = await train(options(quiet(whole)));
    const found = await train(options(quiet(inParts), parts));
    for (const [i, { loss, gradientNorm, metrics }] of found.history.steps.entries()) {
      const step = expected.history.steps[i]!;
      // float32 sums in another order, over 24 steps of Adam.
      expect(loss / step.loss).toBeCloseTo(1, 4);
      expect(gradientNorm / step.gradientNorm).toBeCloseTo(1, 3);
      expect(metrics.absolute! / step.metrics.absolute!).toBeCloseTo(1, 4);
    }
    for (const [name, values] of Object.entries(whole.numbers())) {
      values.forEach((value, i) => void expect(inParts.numbers()[name]![i]).toBeCloseTo(value, 4));
    }
    whole.dispose();
    inParts.dispose();
  });

  it.each([[[8, 8, 1, 1]], [[8, 8, 0, 0]], [[0, 0, 3, 8]]])(
    "weighs parts by their targets, none where there are none: %j",
    async (counts) => {
      const stepOf = async (gradientAccumulation: number) => {
        const model = new WeightedRows();
        const { history } = await train({
          ...{ model, examples: weightedRows(counts), batchSize: 4, steps: 1, gradientAccumulation },
          ...{ schedule: constantSchedule(0.1), random: Random.fromSeed(1) },
        });
        const factor = model.parameters.get("factor")!.dataSync()[0]!;
        model.dispose();
        return { ...history.steps[0]!, trainLoss: history.epochs[1]!.trainLoss!, factor };
      };
      const whole = await stepOf(1);
      const total = counts.reduce((sum, count) => sum + count, 0);
      for (const parts of [2, 4]) {
        const step = await stepOf(parts);
        expect(step.targetWeight).toBe(total);
        // float32 sums in another order.
        for (const name of ["loss", "gradientNorm", "trainLoss", "factor"] as const) {
          expect(step[name] / whole[name], name).toBeCloseTo(1, 6);
        }
        expect(step.metrics.constructor).toBe(step.loss);
      }
    },
  );

  it("moves parameters of any name, in parts or not", async () => {
    const names = ["constructor", "toString", "__proto__", "hasOwnProperty"];
    for (const gradientAccumulation of [1, 2]) {
      const model = new WeightedRows(names);
      const { state } = await train({
        ...{ model, examples: weightedRows([3, 8]), batchSize: 2, steps: 2, gradientAccumulation },
        ...{ schedule: constantSchedule(0.1), random: Random.fromSeed(1), weightAverage: { decay: 0.5 } },
      });
      const values = [...model.parameters.values()].map((parameter) => parameter.dataSync()[0]!);
      expect(new Set(values).size).toBe(1);
      expect(values[0]).not.toBe(0.5);
      expect([...readSafetensors(state).tensors.keys()]).toEqual(
        expect.arrayContaining(names.flatMap((name) => [`model.${name}`, `average.${name}`])),
      );
      model.dispose();
    }
  });

  it("refuses a step without any target, in parts or not, and changes nothing", async () => {
    for (const gradientAccumulation of [1, 2]) {
      const model = new WeightedRows();
      const before = tf.memory().numTensors;
      const run = train({
        ...{ model, examples: weightedRows([0, 0]), batchSize: 2, steps: 1, gradientAccumulation },
        ...{ schedule: constantSchedule(0.1), random: Random.fromSeed(1) },
      });
      await expect(run).rejects.toThrow(/needs a target whose weight is above 0/);
      await expect(run).rejects.toThrow(DataError);
      expect(model.parameters.get("factor")!.dataSync()[0]).toBe(0.5);
      expect(tf.memory().numTensors).toBe(before);
      model.dispose();
    }
  });

  it("feeds the whole batch's examples in their order, each part its own noise, and calls afterStep for each", async () => {
    const fed: number[][] = [];
    const spy = {
      count: 50,
      batch: (indices: Int32Array, context: Parameters<typeof examples.batch>[1]) => {
        fed.push([...indices]);
        return examples.batch(indices, context);
      },
    };
    const inParts = new TinyRegression(Random.fromSeed(3));
    const draws: number[] = [];
    const loss = vi.spyOn(inParts, "loss").mockImplementation(function (this: TinyRegression, batch, given) {
      draws.push(Random.restore(given.random.save()).uniform());
      return TinyRegression.prototype.loss.call(inParts, batch, given);
    });
    const after = vi.spyOn(inParts, "afterStep");
    await train({ ...options(inParts, 4), examples: spy, epochs: 1 });
    expect(loss).toHaveBeenCalledTimes(24);
    expect(after).toHaveBeenCalledTimes(24);
    expect(new Set(draws).size).toBe(24);
    const [first, ...steps] = fed;
    expect(first).toHaveLength(8); // the initialization has the whole first batch
    expect(steps.every((indices) => indices.length === 2)).toBe(true);
    expect(steps.slice(0, 4).flat()).toEqual(first);
    expect(new Set(steps.flat()).size).toBe(48);
    inParts.dispose();
  });

  it("reads once a part and once a step", async () => {
    const model = new TinyRegression(Random.fromSeed(3));
    const read = vi.spyOn(tf.backend(), "read");
    await train({
      ...options(model, 4),
      epochs: 1,
      observers: [{ onStep: () => void expect(read.mock.calls.length % 5).toBe(0) }],
    });
    vi.restoreAllMocks();
    model.dispose();
  });

  it("leaves no tensor behind, whatever the end", async () => {
    const model = new TinyRegression(Random.fromSeed(3));
    const before = tf.memory().numTensors;
    await train({ ...options(model, 4), epochs: 1, weightAverage: { decay: 0.9 } });
    expect(tf.memory().numTensors).toBe(before);

    const broken = {
      ...examples,
      batch: async (...given: Parameters<typeof examples.batch>) => {
        const batch = await examples.batch(...given);
        return given[1].epoch === 1 ? { ...batch, targets: batch.targets.fill(Number.NaN) } : batch;
      },
    };
    await expect(train({ ...options(model, 2), examples: broken })).rejects.toThrow(DivergenceError);
    expect(tf.memory().numTensors).toBe(before);

    let calls = 0;
    const failing: TensorTrainable<Points, { hidden: tf.Tensor2D }> = {
      ...quiet(model),
      loss: (batch, given) => {
        if (++calls === 3) {
          throw new Error("out of luck");
        }
        return model.loss(batch, given);
      },
    };
    await expect(train(options(failing, 4))).rejects.toThrow("out of luck");
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it("refuses parts that are not equal", async () => {
    const model = new TinyRegression(Random.fromSeed(3));
    await expect(train(options(model, 3))).rejects.toThrow(/8 cannot be divided into 3 equal parts/);
    await expect(train(options(model, 0))).rejects.toThrow(ConfigError);
    model.dispose();
  });
});
