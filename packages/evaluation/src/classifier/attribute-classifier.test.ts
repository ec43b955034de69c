import "@mmgen/nn/gradients";
import { readFile } from "node:fs/promises";
import {
  CheckpointError,
  ConfigError,
  MmgenError,
  Random,
  readSafetensors,
  ShapeError,
  sliceImages,
} from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { AttributeClassifier } from "./attribute-classifier.js";
import { attributeAgreement } from "./attribute-scores.js";
import { barClassifier, bars } from "./bars.fixture.js";

const { images, labels } = bars(100, 2);

describe("AttributeClassifier", () => {
  it("keeps its weights through a file, and frees them", async () => {
    const before = tf.memory().numTensors;
    const model = barClassifier();
    const predicted = await model.predict(images);
    const loaded = AttributeClassifier.fromSafetensors(await model.toSafetensors());
    expect(await loaded.predict(images)).toEqual(predicted);
    expect(loaded.config).toEqual(model.config);
    loaded.dispose();
    model.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
    await expect(model.predict(images)).rejects.toThrow(MmgenError);
    await expect(model.predict(images)).rejects.toThrow(/disposed/);
  });

  it("predicts the same for an image in any batch", async () => {
    const model = barClassifier();
    const { shape, front } = await model.predict(images);
    for (const [start, end] of [
      [0, 1],
      [3, 10],
      [60, 100],
    ] as const) {
      const part = await model.predict(sliceImages(images, start, end));
      expect(part.shape).toEqual(shape.slice(start, end));
      expect(part.front).toEqual(front.slice(start, end));
    }
    model.dispose();
  });

  it("says how probable each class is, the likeliest first in predictions", async () => {
    const before = tf.memory().numTensors;
    for (const trunk of ["digits", "image"] as const) {
      const { height, width, channels, maxValue } = images;
      const attributes = [
        { name: "shape", classes: 2 },
        { name: "front", classes: 4 },
      ] as const;
      const form = { attributes, height, width, channels, maxValue, trunk };
      const model = AttributeClassifier.create(form, { random: Random.fromSeed(2) });
      const found = await model.probabilities(images);
      const predicted = await model.predict(images);
      for (const { classes, name } of attributes) {
        expect(found[name]).toHaveLength(images.count * classes);
        for (let row = 0; row < images.count; row++) {
          const shares = [...found[name].subarray(row * classes, (row + 1) * classes)];
          // Float32 sums of a few shares.
          expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
          expect(shares.indexOf(Math.max(...shares))).toBe(predicted[name][row]);
        }
      }
      model.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it("keeps the id of its run", async () => {
    using model = barClassifier();
    using loaded = AttributeClassifier.fromSafetensors(await model.toSafetensors({ run: "one" }));
    expect(loaded.run).toBe("one");
    expect(readSafetensors(await loaded.toSafetensors()).metadata.run).toBe("one");
    expect(readSafetensors(await model.toSafetensors()).metadata.run).toBeUndefined();
    await expect(model.toSafetensors({ run: 1 } as never)).rejects.toThrow(/run: expected/);
  });

  it("writes PyTorch's layout", async () => {
    const model = barClassifier();
    const { tensors } = readSafetensors(await model.toSafetensors());
    expect(tensors.get("color.0.convolution.weight")!.shape).toEqual([8, 4, 4, 4]);
    expect(tensors.get("heads.front.weight")!.shape).toEqual([3, 32]);
    expect(tensors.has("shape.2.norm.running_var")).toBe(true);
    model.dispose();
  });

  it("has a gradient that a small step along it confirms", async () => {
    const model = barClassifier();
    const batch = {
      images: sliceImages(images, 0, 16),
      labels: { shape: labels.shape.slice(0, 16), front: labels.front.slice(0, 16), back: labels.back.slice(0, 16) },
    };
    const loss = () => model.loss(batch, { training: true }).total;
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

  it("leaves its loss to the caller, and nothing else", () => {
    const labelsOfFour = { shape: [0, 1, 1, 0], front: [0, 1, 2, -1], back: [0, 1, 2, 0] };
    const batch = { images: sliceImages(images, 0, 4), labels: labelsOfFour };
    const digits = barClassifier();
    const { attributes, channels, height, maxValue, width } = digits.config;
    const form = { ...{ attributes, channels, height, maxValue, width }, hiddenChannels: [4, 4], hiddenWidth: 8 };
    const ofManyColors = AttributeClassifier.create({ ...form, trunk: "image" }, { random: Random.fromSeed(1) });
    for (const model of [digits, ofManyColors]) {
      for (const training of [true, false]) {
        const before = tf.memory().numTensors;
        const { tensors } = model.uploadBatch(batch);
        for (const result of [model.loss(batch, { training }), model.lossTensor(tensors, { training })]) {
          expect(Object.keys(result.aux).length > 0).toBe(training);
          const { total, metrics, aux } = result;
          tf.dispose([total, ...Object.values(metrics), ...Object.values(aux)]);
        }
        tf.dispose(tensors);
        expect(tf.memory().numTensors).toBe(before);
      }
      model.dispose();
    }
  });

  it("takes attributes of any name", async () => {
    const names = ["constructor", "toString", "__proto__"];
    const { height, width, channels, maxValue } = images;
    const four = sliceImages(images, 0, 4);
    const model = AttributeClassifier.create(
      { attributes: names.map((name) => ({ name, classes: 2 })), height, width, channels, maxValue },
      { random: Random.fromSeed(1) },
    );
    const given = Object.fromEntries(names.map((name) => [name, [0, 1, 1, 0]]));
    tf.tidy(() => {
      const { total, metrics } = model.loss({ images: four, labels: given }, { training: false });
      expect(total.dataSync()[0]).toBeGreaterThan(0);
      expect(Object.keys(metrics)).toEqual(names.map((name) => `${name}Accuracy`));
    });
    const found = await model.predict(four);
    expect(Object.keys(found)).toEqual(names);
    const { accuracy } = attributeAgreement(given, found);
    expect(Object.keys(accuracy)).toEqual(names);
    for (const name of names) {
      expect(Object.entries(accuracy).find(([key]) => key === name)![1]).toBeGreaterThanOrEqual(0);
      const others = Object.fromEntries(Object.entries(found).filter(([key]) => key !== name));
      expect(() => attributeAgreement(given, others)).toThrow(ShapeError);
    }
    const loaded = AttributeClassifier.fromSafetensors(await model.toSafetensors());
    expect(await loaded.predict(four)).toEqual(found);
    model.dispose();
    loaded.dispose();
  });

  it("refuses other images, labels, options and files", async () => {
    const model = barClassifier();
    await expect(model.predict({ ...images, maxValue: 255 })).rejects.toThrow(ShapeError);
    const wrong = { ...labels, shape: labels.shape.map(() => 2) };
    expect(() => model.loss({ images, labels: wrong }, { training: false })).toThrow(/labels\.shape: 2 at index 0/);
    const bytes = await model.toSafetensors();
    expect(() => AttributeClassifier.fromSafetensors(bytes.slice(0, -4))).toThrow(CheckpointError);
    model.dispose();

    const create = (options: object) => () =>
      AttributeClassifier.create(options as never, { random: Random.fromSeed(1) });
    const one = { name: "one", classes: 2 };
    expect(create({ attributes: [] })).toThrow(ConfigError);
    expect(create({ attributes: [{ ...one, classes: 1 }] })).toThrow(/classes: expected a whole number of at least 2/);
    expect(create({ attributes: [one, one] })).toThrow(/different names/);
    expect(create({ attributes: [one], hiddenChannels: [1, 2] })).toThrow(/hiddenChannels/);
    expect(create({ attributes: [one], hidenWidth: 4 })).toThrow(/did you mean "hiddenWidth"\?/);
  });

  it("loads a file of before the first release", async () => {
    // Written by commit 1d03389 after four training steps, with an attribute called frontColour.
    const bytes = await readFile(new URL("./legacy-classifier.fixture.safetensors", import.meta.url));
    const model = AttributeClassifier.fromSafetensors(bytes);
    expect(model.config.attributes).toEqual([
      { name: "shape", classes: 2 },
      { name: "frontColor", classes: 3 },
    ]);
    const predicted = await model.predict(bars(24, 2).images);
    // What that commit predicted.
    expect(predicted.shape!.join("")).toBe("010111110001001110111011");
    expect(predicted.frontColor!.join("")).toBe("120202120100002120222022");
    model.dispose();
  });
});
