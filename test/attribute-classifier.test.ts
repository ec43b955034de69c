import {
  CheckpointError,
  ConfigError,
  type ImageBatch,
  Random,
  readSafetensors,
  ShapeError,
  sliceImages,
} from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import { AttributeClassifier, attributeAgreement, attributeExamples } from "@mmgen/evaluation";
import { cosineSchedule, evaluateLoss, train } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";

const colors = [
  [3, 0, 0],
  [0, 3, 0],
  [1, 1, 3],
] as const;

/** Upright or lying bars, 6×6, in one color on another. */
function bars(count: number, seed: number) {
  const random = Random.fromSeed(seed);
  const images: ImageBatch = {
    data: new Uint8Array(count * 108),
    count,
    height: 6,
    width: 6,
    channels: 3,
    maxValue: 3,
  };
  const labels = { shape: new Int32Array(count), front: new Int32Array(count), back: new Int32Array(count) };
  for (let i = 0; i < count; i++) {
    const shape = random.integer(2);
    const back = random.integer(3);
    const front = (back + 1 + random.integer(2)) % 3;
    const at = 1 + random.integer(4);
    for (let pixel = 0; pixel < 36; pixel++) {
      const along = shape === 0 ? pixel % 6 : Math.floor(pixel / 6);
      images.data.set(colors[along === at ? front : back]!, i * 108 + pixel * 3);
    }
    labels.shape[i] = shape;
    labels.front[i] = front;
    labels.back[i] = back;
  }
  return { images, labels };
}

const newModel = (seed = 1) =>
  AttributeClassifier.create(
    {
      attributes: [
        { name: "shape", classes: 2 },
        { name: "front", classes: 3 },
        { name: "back", classes: 3 },
      ],
      height: 6,
      width: 6,
      hiddenChannels: [8, 8, 8],
      hiddenWidth: 16,
    },
    { random: Random.fromSeed(seed) },
  );

describe("AttributeClassifier", () => {
  const training = bars(256, 1);
  const test = bars(100, 2);

  it("learns to read images it has not seen, and keeps it through a file", async () => {
    const before = tf.memory().numTensors;
    const model = newModel();
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
    const read = await model.predict(test.images);
    const agreement = attributeAgreement(test.labels, read);
    // 48 steps of 16 images: the background, most of an image, is learned first.
    expect(agreement.accuracy.back).toBeGreaterThan(0.9);
    const evaluation = await evaluateLoss({ model, examples, batchSize: 64 });
    expect(evaluation.loss!).toBeLessThan(0.7 * untrained.loss!);
    for (const name of ["shape", "front", "back"] as const) {
      expect(evaluation[`${name}Accuracy`]).toBeCloseTo(agreement.accuracy[name], 6);
    }
    expect(tf.memory().numTensors).toBe(held);

    const bytes = await model.toSafetensors();
    const loaded = AttributeClassifier.fromSafetensors(bytes);
    expect(await loaded.predict(test.images)).toEqual(read);
    expect(loaded.config).toEqual(model.config);
    loaded.dispose();
    model.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
    await expect(model.predict(test.images)).rejects.toThrow(ConfigError);
  });

  it("reads an image the same in any batch", async () => {
    const model = newModel();
    const { shape, front } = await model.predict(test.images);
    for (const [start, end] of [
      [0, 1],
      [3, 10],
      [60, 100],
    ] as const) {
      const part = await model.predict(sliceImages(test.images, start, end));
      expect(part.shape).toEqual(shape.slice(start, end));
      expect(part.front).toEqual(front.slice(start, end));
    }
    model.dispose();
  });

  it("writes PyTorch's layout", async () => {
    const model = newModel();
    const { tensors } = readSafetensors(await model.toSafetensors());
    expect(tensors.get("color.0.convolution.weight")!.shape).toEqual([8, 4, 4, 4]);
    expect(tensors.get("heads.front.weight")!.shape).toEqual([3, 32]);
    expect(tensors.has("shape.2.norm.running_var")).toBe(true);
    model.dispose();
  });

  it("has a gradient that a small step along it confirms", async () => {
    const model = newModel();
    const batch = { images: sliceImages(training.images, 0, 16), labels: training.labels };
    const labels = Object.fromEntries(
      Object.entries(batch.labels).map(([name, column]) => [name, column.slice(0, 16)]),
    );
    const loss = () =>
      model.loss({ images: batch.images, labels: labels as typeof training.labels }, { training: true }).total;
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(loss, [...model.parameters.values()]);
      const step = 1e-4;
      let squared = 0;
      for (const variable of model.parameters.values()) {
        const gradient = grads[variable.name]!;
        squared += tf.sum(tf.square(gradient)).dataSync()[0]!;
        variable.assign(tf.sub(variable, tf.mul(gradient, step)));
      }
      const change = value.dataSync()[0]! - loss().dataSync()[0]!;
      // Second-order terms are a few percent at this step.
      expect(change / (step * squared)).toBeGreaterThan(0.9);
      expect(change / (step * squared)).toBeLessThan(1.1);
    });
    model.dispose();
  });

  it("refuses other images, labels and files", async () => {
    const model = newModel();
    await expect(model.predict({ ...test.images, maxValue: 255 })).rejects.toThrow(ShapeError);
    const labels = { ...test.labels, shape: test.labels.shape.map(() => 2) };
    expect(() => model.loss({ images: test.images, labels }, { training: false })).toThrow(
      /labels\.shape: 2 at index 0/,
    );
    const bytes = await model.toSafetensors();
    expect(() => AttributeClassifier.fromSafetensors(bytes.slice(0, -4))).toThrow(CheckpointError);
    expect(() => AttributeClassifier.create({ attributes: [] }, { random: Random.fromSeed(1) })).toThrow(ConfigError);
    expect(() =>
      AttributeClassifier.create({ attributes: [{ name: "one", classes: 1 }] }, { random: Random.fromSeed(1) }),
    ).toThrow(/at least 2 classes/);
    model.dispose();
  });
});
