import { readFile } from "node:fs/promises";
import { Random, readSafetensors } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import { AttributeClassifier, attributeAgreement, attributeExamples } from "@mmgen/evaluation";
import { constantSchedule, cosineSchedule, evaluateLoss, train } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { barClassifier, bars } from "../packages/evaluation/src/classifier/bars.fixture.js";

describe("train with an AttributeClassifier", () => {
  const test = bars(100, 2);

  it("learns to classify images it has not seen, and keeps it through a file", async () => {
    const training = bars(256, 1);
    const model = barClassifier();
    const held = tf.memory().numTensors;
    const examples = attributeExamples(test.images, test.labels);
    const untrained = await evaluateLoss({ model, examples, batchSize: 64 });
    await train({
      model,
      examples: attributeExamples(training.images, training.labels),
      batchSize: 16,
      epochs: 3,
      schedule: cosineSchedule({ learningRate: 0.03, totalSteps: 48, warmUpSteps: 3 }),
      random: Random.fromSeed(5),
    });
    const predicted = await model.predict(test.images);
    const agreement = attributeAgreement(test.labels, predicted);
    // 48 steps of 16 images: the background, most of an image, is learned first.
    expect(agreement.accuracy.back).toBeGreaterThan(0.9);
    const evaluation = await evaluateLoss({ model, examples, batchSize: 64 });
    expect(evaluation.loss!).toBeLessThan(0.7 * untrained.loss!);
    for (const name of ["shape", "front", "back"] as const) {
      expect(evaluation[`${name}Accuracy`]).toBeCloseTo(agreement.accuracy[name], 6);
    }
    expect(tf.memory().numTensors).toBe(held);
    const loaded = AttributeClassifier.fromSafetensors(await model.toSafetensors());
    expect(await loaded.predict(test.images)).toEqual(predicted);
    loaded.dispose();
    model.dispose();
  });

  it("draws the weights and takes the steps of before the first release, bit for bit", async () => {
    const { images, labels } = bars(64, 1);
    const attributes = [
      { name: "shape", classes: 2 },
      { name: "frontColor", classes: 3 },
    ] as const;
    const size = { height: 6, width: 6, hiddenChannels: [2, 3, 2], hiddenWidth: 4 } as const;
    const model = AttributeClassifier.create({ attributes, ...size }, { random: Random.fromSeed(1) });
    await train({
      model,
      examples: attributeExamples(images, { shape: labels.shape, frontColor: labels.front }),
      batchSize: 16,
      steps: 4,
      schedule: constantSchedule(0.03),
      optimizer: { weightDecay: 0.05, clipNorm: 1 },
      random: Random.fromSeed(5),
    });
    // The file that commit 1d03389 wrote after this run.
    const written = "../packages/evaluation/src/classifier/legacy-classifier.fixture.safetensors";
    const legacy = readSafetensors(await readFile(new URL(written, import.meta.url))).tensors;
    const found = await model.storeWeights();
    expect(found.size).toBe(legacy.size);
    for (const [name, { data, shape }] of legacy) {
      const today = found.get(name.replace("colour", "color").replace("Colour", "Color"))!;
      expect(today.shape, name).toEqual(shape);
      expect([...today.data], name).toEqual([...data]);
    }
    model.dispose();
  });
});
