import { Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  distance,
  expectGradientsByDifferences,
  expectNoLeak,
  expectSameGradients,
} from "../functions/finite-differences.fixture.js";
import { attention, causalAttention, causalMask, dropoutMask, normal } from "../index.js";

const random = Random.fromSeed(11);
beforeAll(() => tf.setBackend("cpu"));

/** [batch 2, heads 2, time, headWidth 3] */
function draw(queries: number, keys = queries): tf.Tensor[] {
  return [queries, keys, keys].map((time) => normal([2, 2, time, 3], { random }));
}

function composed(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask?: tf.Tensor, factors?: tf.Tensor): tf.Tensor {
  const scores = tf.div(tf.matMul(q, k, false, true), Math.sqrt(3));
  const weights = tf.softmax(mask ? tf.add(scores, mask) : scores);
  return tf.matMul(factors ? tf.mul(weights, factors) : weights, v);
}

describe("attention", () => {
  it("agrees with the composed operations, with fewer queries than keys", () => {
    const inputs = draw(2, 4);
    const ours = (...args: tf.Tensor[]) => attention(args[0]!, args[1]!, args[2]!);
    expectSameGradients(ours, (...args) => composed(args[0]!, args[1]!, args[2]!), inputs);
    expectGradientsByDifferences(ours, inputs);
    expectNoLeak(ours, inputs);
  });

  it("agrees under a causal mask and dropout", () => {
    const inputs = draw(4);
    const drops = () => ({ rate: 0.4, random: Random.fromSeed(12) });
    const factors = tf.div(dropoutMask([2, 2, 4, 4], drops()), 1 - 102 / 256);
    const ours = (...args: tf.Tensor[]) => causalAttention(args[0]!, args[1]!, args[2]!, { dropout: drops() });
    expectSameGradients(ours, (...args) => composed(args[0]!, args[1]!, args[2]!, causalMask(4), factors), inputs);
    expectGradientsByDifferences(ours, inputs);
    expectNoLeak(ours, inputs);
  });

  it("lets no position see a later one", () => {
    const [q, k, v] = draw(4) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const last = tf.concat([tf.zeros([2, 2, 3, 3]), tf.fill([2, 2, 1, 3], 5)], 2);
    const before = causalAttention(q, k, v);
    const after = causalAttention(q, tf.add(k, last), tf.add(v, last));
    const early = (y: tf.Tensor) => tf.slice(y, [0, 0, 0, 0], [2, 2, 3, 3]);
    expect(distance(early(before), early(after))).toBe(0);
    expect(distance(before, after)).toBeGreaterThan(0.1);
  });

  it("names the shapes that do not fit", () => {
    const [q, k, v] = draw(2, 4) as [tf.Tensor, tf.Tensor, tf.Tensor];
    expect(() => attention(q, k, q)).toThrow(ShapeError);
    expect(() => attention(q, k, v, { mask: causalMask(4) })).toThrow("mask [4, 4] must end in [2, 4]");
    expect(() => causalAttention(q, k, v)).toThrow(ShapeError);
  });
});

describe("causalMask", () => {
  it("is 0 up to the diagonal and −1e9 above", () => {
    expect([...causalMask(3).dataSync()]).toEqual([0, -1e9, -1e9, 0, 0, -1e9, 0, 0, 0]);
  });
});
