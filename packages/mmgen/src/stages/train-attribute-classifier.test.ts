import { ConfigError } from "@mmgen/core";
import type { TrainingObserver } from "@mmgen/training";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { trainAttributeClassifier } from "./train-attribute-classifier.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

it("goes on from a classifier of the same form, which stays as it is", async () => {
  const bright = Int32Array.of(0, 1);
  const data = Uint8Array.from({ length: 2 * 16 }, (_, i) => 2 * bright[i >> 4]! + (i % 2));
  const images = { data, count: 2, height: 4, width: 4, channels: 1, maxValue: 3 };
  const losses: number[] = [];
  const observer: TrainingObserver = { onStep: ({ loss, step }) => void (step === 1 && losses.push(loss)) };
  const options = {
    ...{ attributes: [{ name: "bright", classes: 2 }], images, labels: { bright }, seed: 1, observers: [observer] },
    trunk: "image" as const,
  };
  const before = tf.memory().numTensors;
  const first = await trainAttributeClassifier({ ...options, steps: 1 });
  const weights = await first.toSafetensors();
  // One batch holds all images.
  const loss = tf.tidy(() => first.loss({ images, labels: { bright } }, { training: true }).total.dataSync()[0]!);
  const more = await trainAttributeClassifier({ ...options, steps: 1, from: first });
  expect(losses[1]).toBeCloseTo(loss, 5);
  expect(losses[0]).not.toBeCloseTo(loss, 2);
  expect(await first.toSafetensors()).toEqual(weights);
  for (const change of [
    { attributes: [{ name: "bright", classes: 3 }] },
    { images: { ...images, height: 2, width: 8 } },
    { trunk: "digits" as const },
  ]) {
    const refused = trainAttributeClassifier({ ...options, steps: 1, from: first, ...change });
    await expect(refused).rejects.toThrow(/^from: expected a classifier of .*, got one of bright \(2\) in 4 × 4 × 1/);
    await expect(refused).rejects.toSatisfy(ConfigError.isInstance.bind(ConfigError));
  }
  first.dispose();
  more.dispose();
  expect(tf.memory().numTensors).toBe(before);
});
