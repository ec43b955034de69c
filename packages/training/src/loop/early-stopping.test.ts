import { ConfigError, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import { describe, expect, it } from "vitest";
import { constantSchedule } from "../optimizers/schedules.js";
import { type EarlyStopping, stoppingVerdict } from "./early-stopping.js";
import { points, TinyRegression } from "./tiny-regression.fixture.js";
import { train } from "./train.js";
import type { TrainOptions } from "./train-options.js";

const records = (losses: readonly unknown[]) =>
  losses.map((loss, epoch) => ({ epoch, step: epoch, seconds: 0, metrics: { loss: loss as number } }));
const verdict = (losses: readonly unknown[], options: Partial<EarlyStopping> = {}) =>
  stoppingVerdict({ patience: 2, ...options }, records(losses));

describe("stoppingVerdict", () => {
  it("finds the best evaluation and counts those since", () => {
    expect(verdict([])).toEqual({ best: -1, waited: 0, isOver: false });
    expect(verdict([3])).toEqual({ best: 0, waited: 0, isOver: false });
    expect(verdict([3, 2, 2.5])).toEqual({ best: 1, waited: 1, isOver: false });
    expect(verdict([3, 2, 2.5, 2])).toEqual({ best: 1, waited: 2, isOver: true });
    expect(verdict([3, 2, 2.5, 1.9])).toEqual({ best: 3, waited: 0, isOver: false });
    expect(verdict([0.1, 0.3, 0.2], { goal: "max" })).toEqual({ best: 1, waited: 1, isOver: false });
  });

  it("counts an evaluation only where it improves on the best by minImprovement", () => {
    expect(verdict([3, 2.95, 2.91], { minImprovement: 0.1 })).toEqual({ best: 0, waited: 2, isOver: true });
    expect(verdict([3, 2.95, 2.89], { minImprovement: 0.1 })).toEqual({ best: 2, waited: 0, isOver: false });
  });

  it("counts a value that is not a number as no improvement", () => {
    expect(verdict([Number.NaN, 5, null])).toEqual({ best: 1, waited: 1, isOver: false });
    expect(verdict([Number.NaN, null, Number.NaN])).toEqual({ best: -1, waited: 3, isOver: true });
    expect(() => verdict([1], { metric: "accuracy" })).toThrow(/gave no "accuracy", only loss/);
  });
});

describe("train with earlyStopping", () => {
  /** A run of up to 10 epochs of 2 steps whose evaluations give `losses` in turn, and the model's numbers at each. */
  function scripted(losses: readonly number[], changes: Partial<EarlyStopping> = {}) {
    const model = new TinyRegression(Random.fromSeed(3));
    const seen: ReturnType<TinyRegression["numbers"]>[] = [];
    const options: TrainOptions<Parameters<TinyRegression["loss"]>[0], ReturnType<TinyRegression["loss"]>["aux"]> = {
      model,
      examples: points(Random.fromSeed(7), 16),
      batchSize: 8,
      epochs: 10,
      schedule: constantSchedule(0.05),
      random: Random.fromSeed(11),
      evaluate: async ({ epoch }) => {
        seen.push(model.numbers());
        return { loss: losses[epoch]! };
      },
      earlyStopping: { patience: 2, ...changes },
    };
    return { model, seen, options };
  }
  const falling = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, -1];

  it("ends after as many evaluations without improvement, with the best weights and state", async () => {
    const { model, seen, options } = scripted([9, 5, 4, 6, 4]);
    const ends: string[] = [];
    const result = await train({ ...options, observers: [{ onEnd: (status) => void ends.push(status) }] });
    expect(result).toMatchObject({ status: "stopped-early", step: 8 });
    expect(ends).toEqual(["stopped-early"]);
    expect(model.numbers()).toEqual(seen[2]);

    // Resumed, it is still over, and the best is known from the state.
    const again = scripted([]);
    const resumed = await train({ ...again.options, resume: result.state });
    expect(resumed).toMatchObject({ status: "stopped-early", step: 8 });
    expect(again.seen).toEqual([]);
    expect(again.model.numbers()).toEqual(seen[2]);
    model.dispose();
    again.model.dispose();
  });

  it("gives the best weights after the last step too, unless restoreBest is false", async () => {
    const losses = [...falling.slice(0, 10), 0.5];
    for (const restoreBest of [true, false]) {
      const { model, seen, options } = scripted(losses, { restoreBest });
      expect(await train(options)).toMatchObject({ status: "completed", step: 20 });
      expect(model.numbers()).toEqual(seen[restoreBest ? 9 : 10]);
      model.dispose();
    }
  });

  it("takes the averaged weights for the best, where there are such", async () => {
    const { model, seen, options } = scripted([9, 5, 4, 6, 4]);
    await train({ ...options, weightAverage: { decay: 0.9 } });
    expect(model.numbers()).toEqual(seen[2]);
    model.dispose();
  });

  it("leaves a run that its signal stops as it stands", async () => {
    const { model, options } = scripted([1, 2, 3, 4]);
    const controller = new AbortController();
    let last: ReturnType<TinyRegression["numbers"]> = {};
    const onStep = ({ step }: { step: number }) => {
      last = model.numbers();
      if (step === 3) {
        controller.abort();
      }
    };
    await train({ ...options, signal: controller.signal, observers: [{ onStep }] });
    expect(model.numbers()).toEqual(last);
    model.dispose();
  });

  it("refuses options that do not fit", async () => {
    const { model, options } = scripted(falling);
    const { evaluate: _, ...blind } = options;
    await expect(train(blind)).rejects.toThrow(/needs evaluate/);
    for (const wrong of [{ patience: 0 }, { minImprovement: -1 }, { goal: "less" as never }, { metric: "accuracy" }]) {
      const earlyStopping = { patience: 2, ...wrong };
      await expect(train({ ...options, earlyStopping })).rejects.toThrow(ConfigError);
    }
    model.dispose();
  });
});
