import "@mmgen/nn/gradients";
import { ConfigError, Random } from "@mmgen/core";
import { normal } from "@mmgen/nn/layers";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { blur } from "./blur.js";
import { PatchDiscriminator, type PatchDiscriminatorOptions } from "./patch-discriminator.js";

beforeAll(() => tf.setBackend("cpu"));

const create = (options: PatchDiscriminatorOptions = {}) =>
  PatchDiscriminator.create({ baseChannels: 4, levels: 2, ...options }, { random: Random.fromSeed(1) });
const pixels = (seed: number, side = 8) => normal([2, side, side, 3], { random: Random.fromSeed(seed) }) as tf.Tensor4D;
const distance = (a: tf.Tensor, b: tf.Tensor) => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!;

describe("PatchDiscriminator", () => {
  it("halves the sides level by level, doubling the channels up to eight times, and scores each patch", () => {
    using model = create({ levels: 5, baseChannels: 2 });
    const [output] = model.forward([pixels(1, 48)], { training: false });
    expect(output!.features.map(({ shape }) => shape)).toEqual([
      [2, 24, 24, 2],
      [2, 12, 12, 4],
      [2, 6, 6, 8],
      [2, 3, 3, 16],
      [2, 2, 2, 16],
    ]);
    expect(output!.scores.shape).toEqual([2, 2, 2, 1]);
    expect([...model.parameters.keys()].slice(0, 2)).toEqual(["layers.0.conv.weight", "layers.0.conv.bias"]);
  });

  it("sees patches of the size that is documented, and no further", () => {
    using model = create({ levels: 2, baseChannels: 2 });
    const gradient = tf.grad((x) => {
      const [output] = model.forward([x as tf.Tensor4D], { training: false });
      return tf.sum(tf.slice(output!.scores, [0, 4, 4, 0], [1, 1, 1, 1]));
    })(pixels(3, 40));
    const rows = tf.sum(tf.abs(gradient), [0, 2, 3]).dataSync();
    expect([...rows].filter((value) => value > 0)).toHaveLength(22);
  });

  it("does not depend on the length of its filters with spectral norms, and stretches by 1", async () => {
    using model = create();
    using scaled = create();
    for (const [name, variable] of scaled.parameters) {
      if (name.endsWith("weight")) {
        tf.tidy(() => variable.assign(tf.mul(variable, 7)));
      }
    }
    await model.initialize();
    await scaled.initialize();
    const [ours, theirs] = [model, scaled].map((each) => each.forward([pixels(1)], { training: false })[0]!);
    expect(distance(ours!.scores, theirs!.scores)).toBeLessThan(1e-5);
    // The filter of the second layer as a matrix, by its largest singular value.
    const weight = model.parameters.get("layers.1.conv.weight")!;
    const matrix = tf.reshape(weight, [-1, 8]);
    let u: tf.Tensor = tf.ones([8, 1]);
    for (let i = 0; i < 200; i++) {
      const next = tf.matMul(matrix, tf.matMul(matrix, u as tf.Tensor2D), true) as tf.Tensor;
      u = tf.div(next, tf.norm(next));
    }
    const largest = tf.norm(tf.matMul(matrix, u as tf.Tensor2D)).dataSync()[0]!;
    const direction = model.buffers.get("layers.1.conv.weight_u")!;
    const found = tf.norm(tf.matMul(matrix, tf.reshape(direction, [8, 1]))).dataSync()[0]!;
    expect(found / largest).toBeGreaterThan(0.98);
  });

  it("scores batches together as each by itself, and an image as without the others", () => {
    for (const normalization of ["spectral", "group"] as const) {
      using model = create({ normalization, blurPool: true });
      const [a, b] = [pixels(1), pixels(2)];
      const statistics = new Map<string, tf.Tensor>();
      const pass = { training: true, statistics };
      const [ofA, ofB] = model.forward([a, b], pass);
      const [alone] = model.forward([tf.slice(b, [1, 0, 0, 0], [1, 8, 8, 3])], pass);
      expect(distance(alone!.scores, tf.slice(ofB!.scores, [1, 0, 0, 0], [1, 2, 2, 1]))).toBeLessThan(1e-6);
      expect(distance(ofA!.scores, ofB!.scores)).toBeGreaterThan(1e-3);
      expect([...statistics.keys()]).toEqual(normalization === "group" ? [] : [...model.buffers.keys()]);
    }
  });

  it("blurs by the binomial filter, whose gradient is the blurred gradient", () => {
    const one = tf.reshape<tf.Rank.R4>(tf.oneHot([12], 25, 1, 0, "float32"), [1, 5, 5, 1]);
    const around = [1, 2, 1, 2, 4, 2, 1, 2, 1].map((value) => value / 16);
    expect([...tf.slice(blur(one), [0, 1, 1, 0], [1, 3, 3, 1]).dataSync()]).toEqual(around);
    expect(blur(tf.ones([1, 5, 5, 2])).dataSync()[24]).toBe(1);
    const factors = pixels(4);
    const composed = (x: tf.Tensor) =>
      tf.depthwiseConv2d(
        x as tf.Tensor4D,
        tf.tensor4d(
          around.flatMap((v) => [v, v, v]),
          [3, 3, 3, 1],
        ),
        1,
        "same",
      );
    const [ours, theirs] = [blur, composed].map((f) =>
      tf.grad((x) => tf.sum(tf.mul(f(x as tf.Tensor4D), factors)))(pixels(5)),
    );
    expect(distance(ours!, theirs!)).toBeLessThan(1e-6);
  });

  it("refuses unknown fields", () => {
    expect(() => create({ normalisation: "group" } as never)).toThrow(/did you mean "normalization"/);
    expect(() => create({ levels: 0 })).toThrow(ConfigError);
    expect(() => PatchDiscriminator.create({}, undefined as never)).toThrow(ConfigError);
  });
});
