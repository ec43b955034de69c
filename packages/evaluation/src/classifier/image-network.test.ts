import "@mmgen/nn/gradients";
import { ConfigError, type ImageBatch, Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { AttributeClassifier } from "./attribute-classifier.js";
import { attributeAgreement } from "./attribute-scores.js";

beforeAll(() => tf.setBackend("cpu"));

/** A bright spot in one quarter of a noisy image of one of three tints. */
function spots(count: number) {
  const random = Random.fromSeed(5);
  const images: ImageBatch = {
    data: new Uint8Array(count * 192),
    ...{ count, height: 8, width: 8, channels: 3 },
    maxValue: 255,
  };
  const labels = { quarter: new Int32Array(count), tint: new Int32Array(count) };
  for (let i = 0; i < count; i++) {
    const [quarter, tint] = [random.integer(4), random.integer(3)];
    labels.quarter[i] = quarter;
    labels.tint[i] = tint;
    for (let pixel = 0; pixel < 64; pixel++) {
      const here = (pixel % 8 < 4 ? 0 : 1) + (pixel < 32 ? 0 : 2) === quarter;
      for (let channel = 0; channel < 3; channel++) {
        const level = (channel === tint ? 80 : 20) + (here ? 120 : 0) + random.integer(40);
        images.data[i * 192 + pixel * 3 + channel] = level;
      }
    }
  }
  return { images, labels };
}

const attributes = [
  { name: "quarter", classes: 4 },
  { name: "tint", classes: 3 },
] as const;
const create = () =>
  AttributeClassifier.create(
    { attributes, trunk: "image", height: 8, width: 8, maxValue: 255, hiddenChannels: [4, 8], hiddenWidth: 16 },
    { random: Random.fromSeed(1) },
  );
const { images, labels } = spots(32);

describe("AttributeClassifier of images of many colors", () => {
  it("learns place and color, and keeps both through a file", async () => {
    const model = create();
    const optimizer = tf.train.adam(0.02);
    for (let step = 0; step < 25; step++) {
      tf.tidy(() => {
        let aux: tf.NamedTensorMap = {};
        optimizer.minimize(
          () => {
            const result = model.loss({ images, labels }, { training: true });
            aux = Object.fromEntries(Object.entries(result.aux).map(([name, each]) => [name, tf.keep(each)]));
            return result.total;
          },
          false,
          [...model.parameters.values()],
        );
        model.afterStep(aux);
        tf.dispose(aux);
      });
    }
    optimizer.dispose();
    const found = await model.predict(images);
    expect(attributeAgreement(labels, found).accuracy).toEqual({ quarter: 1, tint: 1 });
    const features = await model.features(images);
    expect(features).toHaveLength(32 * 16);
    using loaded = AttributeClassifier.fromSafetensors(await model.toSafetensors());
    expect(loaded.config.trunk).toBe("image");
    expect(await loaded.features(images)).toEqual(features);
    model.dispose();
  });

  it("shows what its layers see, with gradients that differences confirm", async () => {
    const model = create();
    const { count, height, width, channels } = images;
    const pixels = tf.tensor4d(
      Float32Array.from(images.data, (level) => level / 127.5 - 1),
      [count, height, width, channels],
    );
    const layers = tf.tidy(() => model.layers(pixels));
    expect(layers.map(({ shape }) => shape)).toEqual([
      [32, 4, 4, 4],
      [32, 2, 2, 8],
      [32, 16],
    ]);
    const features = await model.features(images);
    // Levels over 255 or pixels over 2: one rounding apart.
    for (const [i, value] of layers.at(-1)!.dataSync().entries()) {
      expect(value).toBeCloseTo(features[i]!, 4);
    }
    const sumOf = (x: tf.Tensor) =>
      tf.tidy(() => tf.addN(model.layers(x as tf.Tensor4D).map((layer) => tf.sum(tf.square(layer)))) as tf.Scalar);
    const gradient = tf.tidy(() => tf.grad(sumOf)(pixels).dataSync());
    const moved = (at: number, by: number) =>
      tf.tidy(() => {
        const values = pixels.dataSync().slice();
        values[at]! += by;
        return sumOf(tf.tensor(values, pixels.shape)).dataSync()[0]!;
      });
    for (const at of [0, 100, 191]) {
      const slope = (moved(at, 1e-2) - moved(at, -1e-2)) / 2e-2;
      // float32 sums of thousands of squares.
      expect(Math.abs(slope - gradient[at]!)).toBeLessThan(0.02 * (1 + Math.abs(slope)));
    }
    tf.dispose([pixels, layers]);
    model.dispose();
  });

  it("learns nothing from a label of −1", () => {
    const model = create();
    const some = spots(4);
    const lossOf = (quarter: readonly number[]) =>
      tf.tidy(() => {
        const batch = { images: some.images, labels: { quarter, tint: some.labels.tint } };
        const { metrics, total } = model.loss(batch, { training: false });
        return [total.dataSync()[0]!, metrics.accuracy!.dataSync()[0]!];
      });
    const [whole] = lossOf([0, 0, 0, 0]);
    const [none] = lossOf([-1, -1, -1, -1]);
    // Loss and accuracy are means over the known ones: those of each alone, and their means.
    const [first, second] = [lossOf([0, -1, -1, -1]), lossOf([-1, 0, -1, -1])];
    const both = lossOf([0, 0, -1, -1]);
    expect(both[0]! - none!).toBeCloseTo((first[0]! - none! + (second[0]! - none!)) / 2, 4);
    expect(both[1]).toBeCloseTo((first[1]! + second[1]!) / 2, 6);
    expect(whole).toBeGreaterThan(none!);
    expect(() => lossOf([-2, 0, 0, 0])).toThrow(ShapeError);
    model.dispose();
  });

  it("has logits of attributes with fewer classes, and their gradients", () => {
    const model = create();
    const some = spots(3);
    const head =
      model.network.parameters.get("head.weight") ??
      [...model.parameters].find(([name]) => name.endsWith("head.weight"))![1];
    const lossAt = () => model.loss({ images: some.images, labels: some.labels }, { training: false }).total;
    tf.tidy(() => {
      const gradient = tf.variableGrads(lossAt, [head as tf.Variable]).grads[head.name]!.dataSync();
      const values = head.dataSync().slice();
      for (const at of [0, 5, values.length - 1]) {
        const shifted = [1e-2, -1e-2].map((shift) => {
          const moved = values.slice();
          moved[at]! += shift;
          head.assign(tf.tensor(moved, head.shape));
          return lossAt().dataSync()[0]!;
        });
        // Float32 losses of about 3 over a step of 1e-2.
        expect(gradient[at]).toBeCloseTo((shifted[0]! - shifted[1]!) / 2e-2, 3);
        head.assign(tf.tensor(values, head.shape));
      }
    });
    model.dispose();
  });

  it("begins with another classifier's convolutions, of images of another size too", () => {
    const before = tf.memory().numTensors;
    const from = create();
    const options = { attributes: [{ name: "other", classes: 5 }], trunk: "image" as const, channels: 3 };
    const draw = { random: Random.fromSeed(9), convolutionsOf: from as AttributeClassifier };
    const model = AttributeClassifier.create({ ...options, height: 16, width: 8, hiddenChannels: [4, 8] }, draw);
    for (const [name, { variable }] of model.weights) {
      const values = [...variable.dataSync()];
      const theirs = [...(from.weights.get(name)?.variable.dataSync() ?? [])];
      (name.startsWith("levels.") ? expect(values) : expect(values).not).toEqual(theirs);
    }
    model.dispose();
    // Its own: the other classifier has lost nothing.
    expect(from.weights.get("levels.0.down.convolution.weight")!.variable.dataSync().length).toBeGreaterThan(0);
    const other = (changed: object) =>
      AttributeClassifier.create({ ...options, hiddenChannels: [4, 8], ...changed }, draw);
    expect(() => other({ hiddenChannels: [4, 16] })).toThrow(
      "convolutionsOf: expected a classifier of hiddenChannels [4,16], got one of [4,8].",
    );
    expect(() => other({ channels: 1 })).toThrow(ConfigError);
    expect(() => other({ trunk: "digits", hiddenChannels: [4, 8, 8] })).toThrow("trunk");
    from.dispose();
    expect(() => other({})).toThrow("disposed");
    expect(() =>
      AttributeClassifier.create(options, { random: draw.random, convolutionsOf: {} as AttributeClassifier }),
    ).toThrow("convolutionsOf: expected an AttributeClassifier");
    expect(tf.memory().numTensors).toBe(before);
  });

  it("refuses what its form cannot have", () => {
    const options = { attributes, hiddenChannels: [4, 4] };
    expect(() => AttributeClassifier.create(options, { random: Random.fromSeed(1) })).toThrow(ConfigError);
    expect(() =>
      AttributeClassifier.create({ attributes, trunk: "other" as never }, { random: Random.fromSeed(1) }),
    ).toThrow("trunk");
  });
});
