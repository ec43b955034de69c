import { ConfigError, Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { distance, expectNoLeak } from "../functions/finite-differences.fixture.js";
import { normal, spectralNorm } from "../index.js";

beforeAll(() => tf.setBackend("cpu"));

/** From PyTorch's `[outputs, inputs, height, width]` to this package's. */
const filter = (values: readonly number[]) => tf.transpose(tf.tensor4d([...values], [3, 2, 2, 2]), [2, 3, 1, 0]);

describe("spectralNorm", () => {
  it("has the values and gradients of PyTorch's convolution in training", () => {
    // torch.nn.utils.spectral_norm(Conv2d(2, 3, 2)) of PyTorch 2.15 after one forward pass from u = (.6, 0, .8), and the
    // gradient of sum(W · cos(1 + i)), i in PyTorch's order.
    const weight = filter(Array.from({ length: 24 }, (_, i) => Math.sin(0.7 * i)));
    const factors = filter(Array.from({ length: 24 }, (_, i) => Math.cos(1 + i)));
    const normalized = [
      0, 0.23205, 0.354964, 0.310932, 0.120664, -0.126354, -0.313946, -0.353884, -0.227385, 0.006056, 0.23665, 0.355943,
      0.307831, 0.114941, -0.132008, -0.316871, -0.352705, -0.222656, 0.012111, 0.241182, 0.356822, 0.304642, 0.109185,
      -0.137624,
    ];
    const gradient = [
      0.176218, -0.152435, -0.342079, -0.210696, 0.125514, 0.356808, 0.264971, -0.073437, -0.35388, -0.305778, 0.021865,
      0.338509, 0.359444, 0.064538, -0.28284, -0.374306, -0.120557, 0.234894, 0.373057, 0.175832, -0.170101, -0.347432,
      -0.199606, 0.128289,
    ];
    const start = tf.tensor1d([0.6, 0, 0.8]);
    const { weight: found, direction } = spectralNorm(weight, start);
    expect(distance(found, filter(normalized))).toBeLessThan(2e-6);
    expect(distance(direction, tf.tensor1d([0.481885, 0.672671, 0.561516]))).toBeLessThan(2e-6);
    const ours = tf.grad((w) => tf.sum(tf.mul(spectralNorm(w, start).weight, factors)))(weight);
    expect(distance(ours, filter(gradient))).toBeLessThan(2e-6);
  });

  it("has the gradient of differences once the direction has settled", () => {
    const weight = normal([4, 3], { random: Random.fromSeed(2) });
    const { direction } = spectralNorm(weight, tf.tensor1d([1, 1, 1]), { iterations: 100 });
    const factors = normal([4, 3], { random: Random.fromSeed(3) });
    const f = (w: tf.Tensor) => tf.sum(tf.mul(spectralNorm(w, direction, { iterations: 15 }).weight, factors));
    const gradient = tf.grad(f)(weight).dataSync();
    const values = weight.dataSync();
    for (const [at, analytic] of gradient.entries()) {
      const [up, down] = [1e-2, -1e-2].map((shift) => {
        const moved = Float32Array.from(values, (value, i) => (i === at ? value + shift : value));
        return f(tf.tensor(moved, [4, 3])).dataSync()[0]!;
      }) as [number, number];
      expect(Math.abs(analytic - (up - down) / 2e-2)).toBeLessThan(2e-3);
    }
  });

  it("gives a weight whose largest singular value is 1, and keeps a direction with 0 iterations", () => {
    const weight = tf.mul(tf.eye(3), tf.tensor1d([2, 5, 3])); // singular values 2, 5, 3
    const { weight: found, direction } = spectralNorm(weight, tf.tensor1d([1, 1, 1]), { iterations: 40 });
    expect(distance(found, tf.div(weight, 5))).toBeLessThan(1e-5);
    const still = spectralNorm(weight, direction, { iterations: 0 });
    expect([...still.direction.dataSync()]).toEqual([...direction.dataSync()]);
    expect(distance(still.weight, found)).toBeLessThan(1e-5);
  });

  it("leaves nothing behind", () => {
    const start = tf.tensor1d([1, 0]);
    const ours = (w?: tf.Tensor) => {
      const { weight, direction } = spectralNorm(w!, start);
      direction.dispose();
      return weight;
    };
    expectNoLeak(ours, [normal([3, 2], { random: Random.fromSeed(1) })]);
  });

  it("refuses other shapes and iterations", () => {
    const direction = tf.ones<tf.Rank.R1>([2]);
    expect(() => spectralNorm(tf.ones([3, 4]), direction)).toThrow(ShapeError);
    expect(() => spectralNorm(tf.ones([2]), direction)).toThrow(ShapeError);
    for (const iterations of [-1, 0.5, "1"]) {
      expect(() => spectralNorm(tf.ones([3, 2]), direction, { iterations: iterations as number })).toThrow(ConfigError);
    }
  });
});
