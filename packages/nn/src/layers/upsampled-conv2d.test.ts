import { Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { expectNoLeak } from "../functions/finite-differences.fixture.js";
import { conv2d, normal, upsampledConv2d, upsampleNearest } from "../index.js";

beforeAll(() => tf.setBackend("cpu"));

type Layer = (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor) => tf.Tensor;

const ours: Layer = (x, filter, bias) => upsampledConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, bias as tf.Tensor1D);
const plain: Layer = (x, filter, bias) =>
  conv2d(upsampleNearest(x as tf.Tensor4D), filter as tf.Tensor4D, bias as tf.Tensor1D);

describe("upsampledConv2d", () => {
  it.each([
    [1, 2, 3],
    [3, 4, 2],
    [5, 3, 4],
  ])("is the convolution of an upsampled image, filter %d, %d×%d pixels", (side, height, width) => {
    const random = Random.fromSeed(1);
    const draw = (shape: number[]) => normal(shape, { random });
    const inputs = [draw([2, height, width, 3]), draw([side, side, 3, 4]), draw([4])];
    const weights = draw([2, 2 * height, 2 * width, 4]);
    const of = (layer: Layer) =>
      tf.valueAndGrads((x, filter, bias) => tf.sum(tf.mul(layer(x!, filter!, bias!), weights)))(inputs);
    const [found, expected] = [of(ours), of(plain)];
    // Sums of up to 300 products of numbers around 1, in another order.
    const close = (a: tf.Tensor, b: tf.Tensor) => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!;
    expect(close(ours(inputs[0]!, inputs[1]!, inputs[2]!), plain(inputs[0]!, inputs[1]!, inputs[2]!))).toBeLessThan(
      1e-5,
    );
    found.grads.forEach((gradient, i) => {
      expect(gradient.shape).toEqual(expected.grads[i]!.shape);
      expect(close(gradient, expected.grads[i]!)).toBeLessThan(1e-4);
    });
    expectNoLeak((x, filter, bias) => ours(x!, filter!, bias!), inputs);
  });

  it("refuses even filters and other channels", () => {
    const x = tf.zeros<tf.Rank.R4>([1, 2, 2, 3]);
    const bias = tf.zeros<tf.Rank.R1>([4]);
    expect(() => upsampledConv2d(x, tf.zeros([2, 3, 3, 4]), bias)).toThrow(ShapeError);
    expect(() => upsampledConv2d(x, tf.zeros([3, 3, 2, 4]), bias)).toThrow(ShapeError);
  });
});
