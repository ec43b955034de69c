import { Random } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { TrainingHistory } from "../observers/training-observer.js";
import { cosineSchedule } from "../optimizers/schedules.js";
import { evaluateLoss } from "./evaluate-loss.js";
import { type Points, points, TinyRegression } from "./tiny-regression.fixture.js";
import type { TrainOptions } from "./train-options.js";

export const examples = points(Random.fromSeed(7), 50);
export const test = points(Random.fromSeed(8), 21);
export const newModel = () => new TinyRegression(Random.fromSeed(3));

/** Four epochs of six steps. */
export function options(model: TinyRegression): TrainOptions<Points, { hidden: tf.Tensor2D }> {
  return {
    model,
    examples,
    batchSize: 8,
    epochs: 4,
    schedule: cosineSchedule({ learningRate: 0.05, totalSteps: 24, warmUpSteps: 3 }),
    optimizer: { clipNorm: 1 },
    random: Random.fromSeed(11),
    evaluate: () => evaluateLoss({ model, examples: test, batchSize: 8 }),
  };
}

/** An AbortSignal that fires after `step`, and the observer that fires it. */
export function stopAfter(step: number) {
  const controller = new AbortController();
  const observer = { onStep: (record: { step: number }) => void (record.step === step && controller.abort()) };
  return { signal: controller.signal, observers: [observer] };
}

/** A history without its wall-clock times. */
export function timeless(history: TrainingHistory) {
  return {
    steps: history.steps.map((record) => ({ ...record, seconds: 0 })),
    epochs: history.epochs.map((record) => ({ ...record, seconds: 0 })),
  };
}
