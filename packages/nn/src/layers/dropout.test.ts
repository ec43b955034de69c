import { ConfigError, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { distance, expectNoLeak, expectSameGradients } from "../functions/finite-differences.fixture.js";
import { dropout, dropoutMask, normal } from "../index.js";
import { drawKept } from "./dropout.js";

beforeAll(() => tf.setBackend("cpu"));

describe("dropout", () => {
  it("multiplies by its mask, forward and backward", () => {
    const x = normal([4, 7], { random: Random.fromSeed(6) });
    const kept = dropoutMask([4, 7], { rate: 0.3, random: Random.fromSeed(7) });
    expect(new Set(kept.dataSync())).toEqual(new Set([0, 1]));
    const ours = (x?: tf.Tensor) => dropout(x!, { rate: 0.3, random: Random.fromSeed(7) });
    expectSameGradients(ours, (x) => tf.div(tf.mul(x!, kept), 0.7), [x]);
    expectNoLeak(ours, [x]);
  });

  it("is a copy at rate 0, and draws nothing", () => {
    const random = Random.fromSeed(8);
    const before = random.save();
    const x = tf.ones([5]);
    const y = dropout(x, { rate: 0, random });
    expect(y).not.toBe(x);
    expect(distance(y, x)).toBe(0);
    expect(random.save()).toEqual(before);
  });

  it("goes on along its stream: a second mask differs, an equal seed repeats", () => {
    const random = Random.fromSeed(9);
    const first = drawKept(64, 0.5, random);
    expect(drawKept(64, 0.5, random)).not.toEqual(first);
    expect(drawKept(64, 0.5, Random.fromSeed(9))).toEqual(first);
  });

  it("refuses rates outside [0, 1)", () => {
    for (const rate of [-0.1, 1, Number.NaN]) {
      expect(() => dropout(tf.ones([2]), { rate, random: Random.fromSeed(1) })).toThrow(ConfigError);
    }
  });
});

describe("drawKept", () => {
  const size = 400_001;
  // 0.001 lies under one byte step (1/256), 0.5 on one, 0.1 and 0.9 between two.
  for (const rate of [0.001, 0.1, 0.5, 0.9]) {
    it(`drops a share of ${rate}, to within five standard errors, in every byte of a draw`, () => {
      const kept = drawKept(size, rate, Random.fromSeed(10));
      expect(kept).toHaveLength(size);
      expect(kept.every((byte) => byte <= 1)).toBe(true);
      for (let phase = 0; phase < 4; phase++) {
        let dropped = 0;
        let count = 0;
        for (let i = phase; i < size; i += 4) {
          dropped += 1 - kept[i]!;
          count++;
        }
        expect(Math.abs(dropped / count - rate)).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / count));
      }
    });
  }
});
