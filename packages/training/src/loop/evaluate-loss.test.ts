import { DataError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { evaluateLoss } from "./evaluate-loss.js";
import { newModel, test } from "./tiny-run.fixture.js";
import { WeightedRows, weightedRows } from "./weighted-rows.fixture.js";

describe("evaluateLoss", () => {
  it("weighs each example the same, the short last batch included, and is the same at any batch size", async () => {
    const model = newModel();
    const whole = await evaluateLoss({ model, examples: test, batchSize: 21 });
    for (const batchSize of [1, 5, 8, 20, 100]) {
      const { loss, absolute } = await evaluateLoss({ model, examples: test, batchSize });
      // float32 sums in another order.
      expect(loss).toBeCloseTo(whole.loss!, 5);
      expect(absolute).toBeCloseTo(whole.absolute!, 5);
    }
    const before = tf.memory().numTensors;
    await evaluateLoss({ model, examples: test, batchSize: 8 });
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it("is a mean over targets at any batch size, and has metrics of any name", async () => {
    const model = new WeightedRows();
    const examples = weightedRows([8, 8, 0, 1, 1]);
    // In float64, target by target.
    const { inputs, weights } = await examples.batch(Int32Array.of(0, 1, 2, 3, 4), {} as never);
    const losses = inputs.flat().map((input) => (input * 0.5 - 1) ** 2);
    const expected = weights.flat().reduce((sum, weight, i) => sum + weight * losses[i]!, 0) / 18;
    for (const batchSize of [1, 2, 3, 4, 5]) {
      const metrics = await evaluateLoss({ model, examples, batchSize });
      expect(Object.keys(metrics)).toEqual(["loss", "constructor", "__proto__"]);
      for (const value of Object.values(metrics)) {
        expect(value / expected).toBeCloseTo(1, 6);
      }
    }
    model.dispose();
  });

  it("refuses examples without any target", async () => {
    const model = new WeightedRows();
    for (const counts of [[], [0, 0, 0]]) {
      const evaluation = evaluateLoss({ model, examples: weightedRows(counts), batchSize: 2 });
      await expect(evaluation).rejects.toThrow(DataError);
      await expect(evaluation).rejects.toThrow(/evaluateLoss: expected at least one/);
    }
    model.dispose();
  });
});
