import { Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { distance, expectGradientsByDifferences, expectNoLeak } from "../functions/finite-differences.fixture.js";
import { conv2d, convTranspose2d, normal } from "../index.js";

const random = Random.fromSeed(2);
const draw = (...shape: number[]) => normal(shape, { random, standardDeviation: 0.5 });
beforeAll(() => tf.setBackend("cpu"));

describe("conv2d", () => {
  for (const { side, filter, stride, padding } of [
    { side: 4, filter: 3, stride: 1, padding: "same" },
    { side: 4, filter: 4, stride: 2, padding: "same" },
    { side: 3, filter: 1, stride: 1, padding: "same" },
    { side: 5, filter: 3, stride: 2, padding: "valid" },
  ] as const) {
    it(`${filter}×${filter}, stride ${stride}, ${padding}: value, gradients, no leak`, () => {
      const inputs = [draw(2, side, side, 2), draw(filter, filter, 2, 3), draw(3)];
      const layer = (x?: tf.Tensor, filter?: tf.Tensor, bias?: tf.Tensor) =>
        conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, bias as tf.Tensor1D, { stride, padding });
      const [x, weights, bias] = inputs as [tf.Tensor4D, tf.Tensor4D, tf.Tensor1D];
      expect(distance(layer(...inputs), tf.add(tf.conv2d(x, weights, stride, padding), bias))).toBeLessThan(1e-5);
      expectGradientsByDifferences(layer, inputs);
      expectNoLeak(layer, inputs);
    });
  }

  it("names the channel counts that differ", () => {
    expect(() => conv2d(tf.zeros([1, 4, 4, 2]), tf.zeros([3, 3, 5, 1]), tf.zeros([1]))).toThrow(ShapeError);
    expect(() => conv2d(tf.zeros([1, 4, 4, 2]), tf.zeros([3, 3, 5, 1]), tf.zeros([1]))).toThrow("inChannels 5, got 2");
    expect(() => conv2d(tf.zeros([1, 4, 4, 5]), tf.zeros([3, 3, 5, 1]), tf.zeros([2]))).toThrow("bias length 1, got 2");
  });
});

describe("convTranspose2d", () => {
  for (const { side, filter, stride } of [
    { side: 3, filter: 4, stride: 2 },
    { side: 3, filter: 3, stride: 1 },
  ]) {
    it(`${filter}×${filter}, stride ${stride}: shape, gradients, no leak`, () => {
      const inputs = [draw(2, side, side, 3), draw(filter, filter, 2, 3), draw(2)];
      const layer = (x?: tf.Tensor, filter?: tf.Tensor, bias?: tf.Tensor) =>
        convTranspose2d(x as tf.Tensor4D, filter as tf.Tensor4D, bias as tf.Tensor1D, { stride });
      expect(layer(...inputs).shape).toEqual([2, side * stride, side * stride, 2]);
      expectGradientsByDifferences(layer, inputs);
      expectNoLeak(layer, inputs);
    });
  }

  it("spreads one value over a filter, as PyTorch's padding 1 places it", () => {
    const filter = tf.reshape(tf.range(0, 16), [4, 4, 1, 1]) as tf.Tensor4D;
    const y = convTranspose2d(tf.ones([1, 1, 1, 1]), filter, tf.zeros([1]), { stride: 2 });
    // ConvTranspose2d(1, 1, 4, stride=2, padding=1) keeps rows and columns 1 and 2 of the spread filter.
    expect([...y.dataSync()]).toEqual([5, 6, 9, 10]);
  });

  it("names the channel counts that differ", () => {
    expect(() => convTranspose2d(tf.zeros([1, 4, 4, 2]), tf.zeros([4, 4, 1, 5]), tf.zeros([1]))).toThrow(
      "inChannels 5, got 2",
    );
  });
});
