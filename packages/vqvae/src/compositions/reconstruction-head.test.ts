import "@mmgen/nn/gradients";
import { Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { resolveVqVae } from "../model/vq-vae-config.js";
import { reconstructionHead } from "./reconstruction-head.js";

beforeAll(() => tf.setBackend("cpu"));

describe("levels of a decoder's output", () => {
  it.each([
    ["regression", [-10, -1, -0.4, 0.3, 1, 10], [0, 0, 1, 2, 3, 3]],
    ["sigmoid", [-10, -1.7, -0.5, 0.5, 1.5, 10], [0, 0, 1, 2, 2, 3]],
  ] as const)("of %s stay in the image range, however far the output goes", (name, output, levels) => {
    tf.tidy(() => {
      const head = reconstructionHead(name, { channels: 1, maxValue: 3 });
      expect([...head.levels(tf.tensor4d([...output], [1, 1, 6, 1])).dataSync()]).toEqual(levels);
    });
  });
});

describe("a reconstruction loss", () => {
  const images = { channels: 3, maxValue: 255 };
  const random = Random.fromSeed(1);
  const output = tf.tensor4d(random.normals(24), [2, 2, 2, 3]);
  const levels = tf.tensor4d(
    Int32Array.from({ length: 24 }, () => random.integer(256)),
    [2, 2, 2, 3],
    "int32",
  );

  it("is the squared error alone by default, to the last bit", () => {
    const target = tf.sub(tf.mul(tf.cast(levels, "float32"), 2 / 255), 1);
    const expected = tf.mean(tf.squaredDifference(output, target)).dataSync();
    expect(reconstructionHead("regression", images).loss(output, levels).dataSync()).toEqual(expected);
    const { reconstruction } = resolveVqVae({ maxValue: 255 });
    expect(reconstruction).toEqual({ l1: 0, squared: 1 });
    expect(reconstructionHead("regression", images, reconstruction).loss(output, levels).dataSync()).toEqual(expected);
  });

  it.each([
    ["regression", { l1: 1, squared: 0 }],
    ["regression", { l1: 0.3, squared: 2 }],
    ["regression", { l1: 0, squared: 0.5 }],
    ["sigmoid", { l1: 0.7, squared: 1 }],
  ] as const)("of %s mixes absolute and squared errors: %j", (name, weights) => {
    const head = reconstructionHead(name, images, weights);
    const shown = (x: number) => (name === "sigmoid" ? 1 / (1 + Math.exp(-x)) : x);
    const targets = Array.from(levels.dataSync(), (level) => (name === "sigmoid" ? level / 255 : level / 127.5 - 1));
    const values = Array.from(output.dataSync());
    const of = (outputs: readonly number[]) =>
      outputs.reduce((sum, x, i) => {
        const difference = shown(x) - targets[i]!;
        return sum + weights.l1 * Math.abs(difference) + weights.squared * difference ** 2;
      }, 0) / outputs.length;
    const { value, grad } = tf.valueAndGrad((x) => head.loss(x as tf.Tensor4D, levels))(output);
    expect(value.dataSync()[0]).toBeCloseTo(of(values), 5);
    grad.dataSync().forEach((slope, i) => {
      const moved = (step: number) => of(values.map((x, j) => (j === i ? x + step : x)));
      expect(slope).toBeCloseTo((moved(1e-4) - moved(-1e-4)) / 2e-4, 5);
    });
  });

  it.each([
    [{ reconstruction: { l1: 0, squared: 0 } }, "reconstruction: expected a weight above 0, got l1 0 and squared 0"],
    [{ head: "categorical", reconstruction: { l1: 1 } }, 'the loss of the head "categorical" is cross-entropy'],
    [{ reconstruction: { l1: -1 } }, "reconstruction.l1: expected a number of at least 0, got -1"],
    [{ reconstruction: { l2: 1 } }, "reconstruction.l2: there is no such field"],
  ] as const)("of %j is refused", (options, message) => {
    expect(() => resolveVqVae(options as never)).toThrow(message);
  });
});
