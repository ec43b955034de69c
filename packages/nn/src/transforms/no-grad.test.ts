import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { noGrad, stopGradient } from "../index.js";

beforeAll(() => tf.setBackend("cpu"));

describe("noGrad", () => {
  it("makes an index that derives from a tracked tensor a constant", () => {
    const table = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    const x = tf.tensor1d([0.2, 0.9]);
    const nearest = (x: tf.Tensor) => tf.cast(tf.round(x), "int32");
    const gradient = tf.grad((x) => {
      const [indices] = noGrad(() => [nearest(x)] as const);
      return tf.sum(tf.mul(tf.gather(table, indices), tf.sum(x)));
    })(x);
    expect([...gradient.dataSync()]).toEqual([10, 10]);
  });

  it("gives several results and leaves nothing behind but them", () => {
    const x = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    const [double, square] = noGrad(() => [tf.add(tf.mul(x, 1), x), tf.square(x)] as const);
    expect(tf.memory().numTensors).toBe(before + 2);
    expect([...double.dataSync(), ...square.dataSync()]).toEqual([2, 4, 1, 4]);
    tf.dispose([double, square]);
    tf.tidy(() => {
      const gradient = tf.grad((x) => tf.sum(tf.mul(x, noGrad(() => [tf.square(x)] as const)[0])))(x);
      expect([...gradient.dataSync()]).toEqual([1, 4]);
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("stopGradient", () => {
  it("counts as a constant", () => {
    const gradient = tf.grad((x) => tf.sum(tf.mul(x, stopGradient(x))))(tf.tensor1d([3, 5]));
    expect([...gradient.dataSync()]).toEqual([3, 5]);
  });
});
