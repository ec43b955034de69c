import { ConfigError, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { points, TinyRegression } from "../loop/tiny-regression.fixture.js";
import { train } from "../loop/train.js";
import { constantSchedule } from "./schedules.js";
import { WeightAverage } from "./weight-average.js";

function variables(...values: number[][]): Map<string, tf.Variable> {
  return new Map(values.map((value, i) => [`v${i}`, tf.tidy(() => tf.variable(tf.tensor1d(value)))]));
}
const numbers = (map: ReadonlyMap<string, tf.Variable>) =>
  [...map.values()].map((variable) => [...variable.dataSync()]);

describe("WeightAverage", () => {
  it("keeps min(decay, (1 + t) / (10 + t)) of what it was", () => {
    const weights = variables([1, 2], [3]);
    const average = new WeightAverage(weights, { decay: 0.5 });
    let expected = 3;
    for (let step = 1; step <= 20; step++) {
      tf.tidy(() => weights.get("v1")!.assign(tf.tensor1d([step * step])));
      average.update(step);
      const kept = Math.min(0.5, (1 + step) / (10 + step));
      expected = kept * expected + (1 - kept) * step * step;
    }
    average.exchange();
    // The first two never moved; float32 all the way.
    expect(numbers(weights)[0]![0]).toBeCloseTo(1, 6);
    expect(numbers(weights)[0]![1]).toBeCloseTo(2, 6);
    expect(numbers(weights)[1]![0]! / expected).toBeCloseTo(1, 6);
    average.dispose();
    tf.dispose([...weights.values()]);
  });

  it.each([[[[1 / 3, -0.1]]], [[[1 / 3], [0.7, 1e-30]]]])("exchanges and changes back to the bit: %j", (values) => {
    const before = tf.memory().numTensors;
    const weights = variables(...values);
    const average = new WeightAverage(weights, { decay: 0.9 });
    tf.tidy(() => weights.get("v0")!.assign(tf.add(weights.get("v0")!, 0.123)));
    const raw = numbers(weights);
    average.exchange();
    expect(numbers(weights)).toEqual(values.map((value) => value.map(Math.fround)));
    average.exchange();
    expect(numbers(weights)).toEqual(raw);
    average.dispose();
    average.dispose();
    tf.dispose([...weights.values()]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("train with weightAverage", () => {
  const options = (model: TinyRegression) => ({
    model,
    examples: points(Random.fromSeed(7), 40),
    batchSize: 8,
    epochs: 3,
    schedule: constantSchedule(0.05),
    random: Random.fromSeed(11),
    weightAverage: { decay: 0.8 },
  });
  const flat = (model: TinyRegression) =>
    [...model.parameters.values()].flatMap((variable) => [...variable.dataSync()]);

  it("shows evaluate and onEpoch the averaged weights, and leaves them in the model", async () => {
    const model = new TinyRegression(Random.fromSeed(3));
    let expected: number[] | undefined;
    const calls: string[] = [];
    const expectAverage = (who: string) => {
      // Recomputed in float64 from the weights after each step.
      const difference = Math.max(...flat(model).map((weight, i) => Math.abs(weight - expected![i]!)));
      expect(difference).toBeLessThan(1e-6);
      calls.push(who);
    };
    const { state, step } = await train({
      ...options(model),
      evaluate: async () => {
        expected ??= flat(model);
        expectAverage("evaluate");
        return {};
      },
      observers: [
        {
          onStep: ({ step }) => {
            const kept = Math.min(0.8, (1 + step) / (10 + step));
            expected = flat(model).map((weight, i) => kept * expected![i]! + (1 - kept) * weight);
          },
          onEpoch: () => expectAverage("onEpoch"),
        },
      ],
    });
    expectAverage("end");
    expect(step).toBe(15);
    expect(calls).toEqual([...Array(4).fill(["evaluate", "onEpoch"]).flat(), "end"]);

    // The state has the weights themselves: a run that only goes on to its end leaves the same average.
    const other = new TinyRegression(Random.fromSeed(4));
    await train({ ...options(other), resume: state });
    expect(other.numbers()).toEqual(model.numbers());
    model.dispose();
    other.dispose();
  });

  it("does not touch the steps themselves, and leaves no tensor behind", async () => {
    const losses: number[][] = [];
    const before = tf.memory().numTensors;
    for (const averaged of [true, false]) {
      const model = new TinyRegression(Random.fromSeed(3));
      const { weightAverage, ...rest } = options(model);
      const { history } = await train({ ...rest, ...(averaged && { weightAverage }) });
      losses.push(history.steps.map(({ loss }) => loss));
      model.dispose();
    }
    expect(losses[0]).toEqual(losses[1]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("puts the weights back when an evaluation fails", async () => {
    const model = new TinyRegression(Random.fromSeed(3));
    let raw: number[] = [];
    const failing = train({
      ...options(model),
      evaluate: async ({ step }) => {
        if (step > 0) {
          throw new Error("no disk");
        }
        return {};
      },
      observers: [
        {
          onStep: () => {
            raw = flat(model);
          },
        },
      ],
    });
    await expect(failing).rejects.toThrow("no disk");
    expect(flat(model)).toEqual(raw);
    model.dispose();
  });

  it("refuses a decay out of range", async () => {
    const model = new TinyRegression(Random.fromSeed(3));
    for (const decay of [0, 1, Number.NaN]) {
      await expect(train({ ...options(model), weightAverage: { decay } })).rejects.toThrow(ConfigError);
    }
    model.dispose();
  });
});
