import { ConfigError, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { distance, expectNoLeak, expectSameGradients } from "../functions/finite-differences.fixture.js";
import { dropout, dropoutMask, droppedShare, normal } from "../index.js";
import { drawKept } from "./dropout.js";

beforeAll(() => tf.setBackend("cpu"));

describe("dropout", () => {
  it("multiplies by its mask, forward and backward", () => {
    const x = normal([4, 7], { random: Random.fromSeed(6) });
    const kept = dropoutMask([4, 7], { rate: 0.3, random: Random.fromSeed(7) });
    expect(new Set(kept.dataSync())).toEqual(new Set([0, 1]));
    const ours = (x?: tf.Tensor) => dropout(x!, { rate: 0.3, random: Random.fromSeed(7) });
    expectSameGradients(ours, (x) => tf.div(tf.mul(x!, kept), 1 - 77 / 256), [x]);
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
    const first = drawKept(new Uint8Array(64), 0.5, random);
    expect(drawKept(new Uint8Array(64), 0.5, random)).not.toEqual(first);
    expect(drawKept(new Uint8Array(64), 0.5, Random.fromSeed(9))).toEqual(first);
  });

  it("keeps the mean: what is kept is divided by the share of the mask", () => {
    const mean = tf.mean(dropout(tf.ones([400, 500]), { rate: 0.1, random: Random.fromSeed(3) })).dataSync()[0]!;
    // Five deviations of the mean of 200 000; the requested rate in place of the mask's share would be 2.6 off it.
    const share = 26 / 256;
    expect(Math.abs(mean - 1)).toBeLessThan(5 * Math.sqrt(share / (1 - share) / 200_000));
  });

  it("refuses rates outside [0, 1)", () => {
    for (const rate of [-0.1, 1, Number.NaN]) {
      expect(() => dropout(tf.ones([2]), { rate, random: Random.fromSeed(1) })).toThrow(ConfigError);
    }
  });
});

describe("drawKept", () => {
  const size = 400_001;
  // 0.001 is compared with 16 bits, the others with 8.
  for (const [rate, share] of [
    [0.001, 66 / 65536],
    [0.1, 26 / 256],
    [0.5, 0.5],
    [0.9, 230 / 256],
  ] as const) {
    it(`drops a share of ${share} at ${rate}, to within five standard errors, in every byte of a word`, () => {
      expect(droppedShare(rate)).toBe(share);
      const kept = drawKept(new Uint8Array(size), rate, Random.fromSeed(10));
      expect(kept).toHaveLength(size);
      expect(kept.every((byte) => byte <= 1)).toBe(true);
      for (let phase = 0; phase < 4; phase++) {
        let dropped = 0;
        let count = 0;
        for (let i = phase; i < size; i += 4) {
          dropped += 1 - kept[i]!;
          count++;
        }
        expect(Math.abs(dropped / count - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / count));
      }
    });
  }
});
