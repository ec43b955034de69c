import { Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { distance } from "../functions/finite-differences.fixture.js";
import { cachedAttention, causalAttention, normal } from "../index.js";

const random = Random.fromSeed(21);
beforeAll(() => tf.setBackend("cpu"));

/** `[batch 2, heads 3, time, headWidth 4]` */
const draw = (time: number) => normal([2, 3, time, 4], { random });
const at = (x: tf.Tensor, position: number, count = 1) => tf.slice(x, [0, 0, position, 0], [-1, -1, count, -1]);

describe("cachedAttention", () => {
  it("gives row by row what causal attention gives at once, and fills the cache", () => {
    const [q, k, v] = [draw(5), draw(5), draw(5)];
    const whole = causalAttention(q, k, v);
    let cache = { keys: tf.zeros([2, 3, 5, 4]) as tf.Tensor, values: tf.zeros([2, 3, 5, 4]) as tf.Tensor };
    for (let position = 0; position < 5; position++) {
      const heads = { q: at(q, position), k: at(k, position), v: at(v, position) };
      const { value, keys, values } = cachedAttention(heads, cache, tf.tensor1d([position], "int32"));
      expect(distance(value, at(whole, position))).toBeLessThan(1e-6);
      cache = { keys, values };
    }
    expect(distance(cache.keys, k)).toBe(0);
    expect(distance(cache.values, v)).toBe(0);
  });

  it("keeps the position within its limits", () => {
    const heads = { q: draw(1), k: draw(1), v: draw(1) };
    const cache = { keys: tf.zeros([2, 3, 4, 4]), values: tf.zeros([2, 3, 4, 4]) };
    const slot = (position: number, minPosition: number) => {
      const { keys } = cachedAttention(heads, cache, tf.tensor1d([position], "int32"), { minPosition });
      return [0, 1, 2, 3].filter((i) => distance(at(keys, i), heads.k) === 0);
    };
    expect([slot(9, 0), slot(-1, 0), slot(0, 1), slot(2, 1)]).toEqual([[3], [0], [1], [2]]);
  });

  it("names what does not fit", () => {
    const [one, cache] = [draw(1), { keys: draw(4), values: draw(4) }];
    const position = tf.tensor1d([1], "int32");
    expect(() => cachedAttention({ q: draw(2), k: one, v: one }, cache, position)).toThrow(ShapeError);
    expect(() => cachedAttention({ q: one, k: one, v: one }, { ...cache, values: draw(3) }, position)).toThrow(
      "cachedAttention: values",
    );
    expect(() => cachedAttention({ q: one, k: one, v: one }, cache, tf.tensor1d([1]))).toThrow("int32 [1]");
  });
});
