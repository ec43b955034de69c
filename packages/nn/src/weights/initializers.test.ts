import { Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { glorotUniform, kaimingNormal, kaimingUniform, normal, uniform, variable } from "../index.js";

beforeAll(() => tf.setBackend("cpu"));

describe("initializers", () => {
  const random = () => Random.fromSeed(13);
  const shape = [200, 100]; // 20 000 values: standard errors of a standard deviation are about 0.5 %.
  const cases: [string, () => tf.Tensor, number][] = [
    ["normal", () => normal(shape, { random: random(), standardDeviation: 0.02 }), 0.02],
    ["uniform", () => uniform(shape, { random: random(), low: -3, high: 3 }), Math.sqrt(3)],
    ["kaimingUniform", () => kaimingUniform(shape, { random: random(), fanIn: 50 }), 0.2],
    [
      "kaimingUniform as PyTorch's",
      () => kaimingUniform(shape, { random: random(), fanIn: 3, gain: 1 / Math.sqrt(3) }),
      1 / 3,
    ],
    ["kaimingNormal", () => kaimingNormal(shape, { random: random(), fanIn: 50 }), 0.2],
    ["glorotUniform", () => glorotUniform(shape, { random: random(), fanIn: 30, fanOut: 20 }), 0.2],
  ];
  for (const [name, make, deviation] of cases) {
    it(`${name} has mean 0 and its standard deviation`, () => {
      const values = make();
      expect(values.shape).toEqual(shape);
      const { mean, variance } = tf.moments(values);
      expect(Math.abs(mean.dataSync()[0]!) / deviation).toBeLessThan(0.03);
      expect(Math.sqrt(variance.dataSync()[0]!) / deviation).toBeCloseTo(1, 1);
    });
  }
});

describe("variable", () => {
  it("leaks nothing, and is trainable unless told otherwise", () => {
    const before = tf.memory();
    const trainable = variable(() => tf.zeros([3]));
    const fixed = variable(() => tf.zeros([3]), { trainable: false });
    expect([trainable.trainable, fixed.trainable]).toEqual([true, false]);
    expect(tf.memory().numTensors).toBe(before.numTensors + 2);
    tf.dispose([trainable, fixed]);
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numBytes).toBe(before.numBytes);
  });
});
