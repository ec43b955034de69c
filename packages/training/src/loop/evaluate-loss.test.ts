import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { evaluateLoss } from "./evaluate-loss.js";
import { newModel, test } from "./tiny-run.fixture.js";

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
});
