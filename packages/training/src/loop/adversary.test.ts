import { CheckpointError, ConfigError, Random, readSafetensors } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, it, vi } from "vitest";
import { Optimizer } from "../optimizers/optimizer.js";
import { constantSchedule, linearSchedule } from "../optimizers/schedules.js";
import { chain } from "../optimizers/transform.js";
import { evaluateLoss } from "./evaluate-loss.js";
import { exportableTrainingStep } from "./exportable-step.js";
import { DivergenceError } from "./run-errors.js";
import { TinyDuel } from "./tiny-duel.fixture.js";
import { newModel, options as plainOptions, stopAfter, test, timeless } from "./tiny-run.fixture.js";
import { train } from "./train.js";

const examples = test;
const newDuel = () => new TinyDuel(Random.fromSeed(3));

/** Ten steps, five an epoch. */
function options(model: TinyDuel) {
  return {
    ...{ model, examples, batchSize: 4, epochs: 2, random: Random.fromSeed(11) },
    schedule: constantSchedule(0.05),
    optimizer: { clipNorm: 1 },
    adversary: {
      optimizer: { beta1: 0.5, beta2: 0.9 },
      schedule: linearSchedule({ learningRate: 0.2, totalSteps: 10 }),
    },
    evaluate: () => evaluateLoss({ model, examples, batchSize: 7 }),
  };
}

afterAll(() => expect(tf.memory().numTensors).toBe(0));

describe("train with an adversary", () => {
  it("moves each network by the gradient of its own loss, from the weights before the step", async () => {
    const model = newDuel();
    const { weight, slope, offset } = model.numbers();
    // Plain gradient descent on all examples at once.
    const run = { ...options(model), batchSize: 21, epochs: 1, optimizer: chain() };
    const adversary = { optimizer: chain(), schedule: constantSchedule(0.5) };
    const { inputs, targets } = await examples.batch(
      Int32Array.from({ length: 21 }, (_, i) => i),
      {} as never,
    );
    let noise: Float32Array | undefined;
    vi.spyOn(model, "loss").mockImplementation((batch, { random, ...rest }) => {
      noise = random.fork("noise").normals(21, 0.1);
      const quiet = { normals: () => noise } as never;
      return TinyDuel.prototype.loss.call(model, batch, { ...rest, random: quiet });
    });
    const order: number[] = [];
    const listening = {
      count: 21,
      batch: (indices: Int32Array, context: never) => {
        order.push(...indices);
        return examples.batch(indices, context);
      },
    };
    const { history } = await train({ ...run, examples: listening, adversary, evaluate: async () => ({}) });
    const rows = order.slice(-21);
    const mean = (value: (row: number, i: number) => number) =>
      rows.reduce((sum, row, i) => sum + value(row, i), 0) / 21;
    const x = (row: number, k: number) => inputs[3 * row + k]!;
    const fake = (row: number, i: number) => weight!.reduce((sum, w, k) => sum + w * x(row, k), noise![i]!);
    const step = [0, 1, 2].map((k) => mean((row, i) => (2 * (fake(row, i) - targets[row]!) - slope![0]!) * x(row, k)));
    const steps = [mean((row, i) => fake(row, i) - targets[row]!) + 2 * slope![0]!, 2 * offset![0]!];
    const found = model.numbers();
    step.forEach((change, k) => void expect(found.weight![k]).toBeCloseTo(weight![k]! - 0.05 * change, 5));
    expect(found.slope![0]).toBeCloseTo(slope![0]! - 0.5 * steps[0]!, 5);
    expect(found.offset![0]).toBeCloseTo(offset![0]! - 0.5 * steps[1]!, 5);
    const { gradientNorm, metrics } = history.steps[0]!;
    expect(gradientNorm).toBeCloseTo(Math.hypot(...step), 4);
    expect(Object.keys(metrics)).toEqual(["fakeScore", "adversaryLoss", "adversaryGradientNorm"]);
    expect(metrics.adversaryGradientNorm).toBeCloseTo(Math.hypot(...steps), 4);
    const real = mean((row) => targets[row]!);
    const penalty = slope![0]! ** 2 + offset![0]! ** 2;
    expect(metrics.adversaryLoss).toBeCloseTo(metrics.fakeScore! - slope![0]! * real - offset![0]! + penalty, 4);
    vi.restoreAllMocks();
    model.dispose();
  });

  it.each([1, 2])("goes on from a state of both networks as if it had never stopped, in %i parts", async (parts) => {
    const change = { gradientAccumulation: parts, weightAverage: { decay: 0.9 } };
    const [whole, stopped, resumed] = [newDuel(), newDuel(), newDuel()];
    const expected = await train({ ...options(whole), ...change });
    const { state } = await train({ ...options(stopped), ...change, ...stopAfter(7) });
    const found = await train({ ...options(resumed), ...change, resume: state });
    expect(timeless(found.history)).toEqual(timeless(expected.history));
    expect(resumed.numbers()).toEqual(whole.numbers());
    // One a part: what moves the model's buffers to averaged weights leaves the adversary alone.
    expect(whole.numbers().batches).toEqual([10 * parts]);
    const names = [...readSafetensors(state).tensors.keys()];
    expect(names).toContain("adversary.model.slope");
    expect(names).toContain("adversary.state.batches");
    expect(names).toContain("adversaryOptimizer.secondMoment.offset");
    for (const model of [whole, stopped, resumed]) {
      model.dispose();
    }
  });

  it("takes the step of a whole batch in parts", async () => {
    const stepOf = async (gradientAccumulation: number) => {
      const model = newDuel();
      const noiseless = vi.spyOn(model, "loss").mockImplementation((batch, rest) => {
        return TinyDuel.prototype.loss.call(model, batch, { ...rest, training: false });
      });
      const { history } = await train({ ...options(model), gradientAccumulation });
      noiseless.mockRestore();
      const { batches: _, mean: __, ...numbers } = model.numbers();
      model.dispose();
      return [...Object.values(numbers).flat(), ...Object.values(history.steps.at(-1)!.metrics)];
    };
    const [whole, inParts] = [await stepOf(1), await stepOf(4)];
    // float32 sums in another order, over ten steps of Adam.
    whole.forEach((value, i) => void expect(inParts[i]).toBeCloseTo(value, 3));
  });

  it("changes neither network where a step fails, and names the one that diverges", async () => {
    const [model, before] = [newDuel(), newDuel()];
    await train({ ...options(before), epochs: undefined as never, steps: 3 });
    model.failAfter = 4;
    await expect(train(options(model))).rejects.toThrow("the step failed");
    expect(model.numbers()).toEqual(before.numbers());
    const diverging = newDuel();
    const spoilt = (part: "total" | "adversaryTotal") =>
      vi.spyOn(diverging, "loss").mockImplementation((batch, rest) => {
        const result = TinyDuel.prototype.loss.call(diverging, batch, rest);
        return rest.step === 2 ? { ...result, [part]: tf.mul(result[part]!, Number.NaN) } : result;
      });
    spoilt("adversaryTotal");
    await expect(train(options(diverging))).rejects.toThrow(
      /Training of the adversary diverged at step 3: loss NaN.*\(adversary\.optimizer\.clipNorm\)/,
    );
    spoilt("total");
    await expect(train(options(diverging))).rejects.toThrow(/Training diverged at step 3: loss NaN.*\(optimizer\./);
    vi.restoreAllMocks();
    const adversary = { schedule: constantSchedule(1e30) };
    await expect(train({ ...options(diverging), adversary })).rejects.toThrow(DivergenceError);
    for (const each of [model, before, diverging]) {
      each.dispose();
    }
  });

  it("refuses what does not belong together", async () => {
    const model = newDuel();
    const plain = newModel();
    await expect(train({ ...plainOptions(plain), adversary: {} })).rejects.toThrow(
      /adversary: this model has no second/,
    );
    const misspelled = { optimizer: { beta: 0.5 } } as never;
    await expect(train({ ...options(model), adversary: misspelled })).rejects.toThrow(/adversary\.optimizer\.beta/);
    const { state } = await train({ ...options(model), ...stopAfter(2) });
    const other = { ...options(model).adversary, optimizer: { beta1: 0.9 } };
    await expect(train({ ...options(model), adversary: other, resume: state })).rejects.toThrow(
      /adversary\.optimizer\.beta1 = 0\.5/,
    );
    await expect(
      train({ ...options(model), adversary: { optimizer: other.optimizer }, resume: state }),
    ).rejects.toThrow(CheckpointError);
    const spy = vi.spyOn(model, "loss").mockImplementation((batch, rest) => {
      const { adversaryTotal: _, ...result } = TinyDuel.prototype.loss.call(model, batch, rest);
      return result;
    });
    await expect(train(options(model))).rejects.toThrow(/gives adversaryTotal/);
    spy.mockImplementation((batch, rest) => {
      const result = TinyDuel.prototype.loss.call(model, batch, rest);
      return { ...result, metrics: { adversaryLoss: result.total } };
    });
    await expect(train(options(model))).rejects.toThrow(/may not be named "adversaryLoss"/);
    spy.mockRestore();
    const optimizer = Optimizer.create(model.parameters, chain());
    expect(() => exportableTrainingStep({ model, optimizer, inputs: {}, loss: () => ({}) as never })).toThrow(
      ConfigError,
    );
    optimizer.dispose();
    model.dispose();
    plain.dispose();
  });
});
