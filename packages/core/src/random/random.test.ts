import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors/errors.js";
import { Random } from "./random.js";

/** Pearson's statistic of counts against equal shares; its mean is bins − 1, its deviation √(2 (bins − 1)). */
function chiSquare(counts: ArrayLike<number>): number {
  const total = Array.from(counts).reduce((sum, count) => sum + count, 0);
  const expected = total / counts.length;
  return Array.from(counts).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Five deviations above the mean: a sound generator passes for any seed but one in a million. */
function chiSquareLimit(bins: number): number {
  return bins - 1 + 5 * Math.sqrt(2 * (bins - 1)) + 10;
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    sum += (a[i]! - 0.5) * (b[i]! - 0.5) * 12;
  }
  return sum / a.length;
}

const draws = (random: Random, count: number) => Array.from({ length: count }, () => random.uint32());

describe("streams", () => {
  it("are the same for the same seed and differ for others", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (a, b) => {
        expect(draws(Random.fromSeed(a), 4)).toEqual(draws(Random.fromSeed(a), 4));
        fc.pre(a !== b);
        expect(draws(Random.fromSeed(a), 4)).not.toEqual(draws(Random.fromSeed(b), 4));
      }),
    );
  });

  it("stay as they are from release to release: checkpoints and published samples depend on them", () => {
    expect(draws(Random.fromSeed(0), 3)).toMatchInlineSnapshot(`
      [
        3954600697,
        3778784969,
        356400548,
      ]
    `);
    expect(draws(Random.fromSeed(-1), 3)).toMatchInlineSnapshot(`
      [
        1544547419,
        856178012,
        1744918352,
      ]
    `);
    expect(draws(Random.fromSeed(42).fork("dropout").fork(7), 3)).toMatchInlineSnapshot(`
      [
        2821673523,
        3502121273,
        1162803862,
      ]
    `);
    expect(Array.from(Random.fromSeed(1).permutation(8))).toMatchInlineSnapshot(`
      [
        2,
        6,
        7,
        5,
        0,
        3,
        4,
        1,
      ]
    `);
    expect(Random.fromSeed(1).normal()).toMatchInlineSnapshot(`-0.5206683864869408`);
  });

  it.each([0.5, Number.NaN, Infinity, 2 ** 53])("refuse the seed %s", (seed) => {
    expect(() => Random.fromSeed(seed)).toThrow(ConfigError);
  });

  it("of neighboring seeds and labels begin with unrelated draws", () => {
    const bins = new Uint32Array(256);
    const parent = Random.fromSeed(3);
    for (let i = 0; i < 20_000; i++) {
      bins[Random.fromSeed(i).uint32() >>> 24]! += 1;
      bins[parent.fork(i).uint32() & 255]! += 1;
      bins[Random.fromSeed(i * 2 ** 32).uint32() & 255]! += 1;
    }
    expect(chiSquare(bins)).toBeLessThan(chiSquareLimit(256));
    const flips = Array.from({ length: 2000 }, (_, i) => {
      let differing = Random.fromSeed(i).uint32() ^ Random.fromSeed(i + 1).uint32();
      let count = 0;
      for (; differing !== 0; differing &= differing - 1) {
        count += 1;
      }
      return count;
    });
    // 16 of 32 bits differ on average; a mean of 2000 has deviation √8 / √2000 = 0.063.
    expect(Math.abs(flips.reduce((sum, count) => sum + count) / 2000 - 16)).toBeLessThan(0.3);
  });
});

describe("fork", () => {
  it("depends on seed and label alone, not on what was drawn", () => {
    const random = Random.fromSeed(5);
    const before = draws(random.fork("mask"), 8);
    draws(random, 100);
    expect(draws(random.fork("mask"), 8)).toEqual(before);
  });

  it("leaves the parent where it stands", () => {
    const [random, other] = [Random.fromSeed(5), Random.fromSeed(5)];
    random.fork("mask").uint32();
    expect(draws(random, 4)).toEqual(draws(other, 4));
  });

  it("gives streams independent of each other, of the parent and of their own forks", () => {
    const random = Random.fromSeed(11);
    const streams = [random, random.fork("a"), random.fork("b"), random.fork("a").fork("a"), random.fork("aa")];
    const values = streams.map((stream) => stream.uniforms(20_000));
    for (let i = 0; i < values.length; i++) {
      for (let j = 0; j < i; j++) {
        // A correlation of 20 000 pairs has deviation 0.007.
        expect(Math.abs(correlation(values[i]!, values[j]!))).toBeLessThan(0.036);
      }
    }
  });

  it("tells labels apart: text from text, path from path", () => {
    const random = Random.fromSeed(1);
    const labels = ["", "a", "b", "ab", "ba", "aa", "\u0000", "\u0000\u0000", "é", "😀", 0, 1, -1, 10];
    const firsts = labels.map((label) => draws(random.fork(label), 2).join());
    firsts.push(draws(random, 2).join(), draws(random.fork("a").fork("b"), 2).join());
    expect(new Set(firsts).size).toBe(firsts.length);
  });
});

describe("save and restore", () => {
  it("go on with the same draws and the same forks, through JSON", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(50), (seed, skip) => {
        const random = Random.fromSeed(seed);
        draws(random, skip);
        const restored = Random.restore(JSON.parse(JSON.stringify(random.save())));
        expect(draws(restored, 5)).toEqual(draws(random, 5));
        expect(draws(restored.fork("x"), 5)).toEqual(draws(random.fork("x"), 5));
      }),
    );
  });

  const words = [1, 2, 3, 4];
  it.each([
    ["nothing", undefined],
    ["null", null],
    ["no position", { key: words }],
    ["three words", { key: words, position: [1, 2, 3] }],
    ["a fraction", { key: words, position: [1, 2, 3, 4.5] }],
    ["more than 32 bits", { key: words, position: [1, 2, 3, 2 ** 32] }],
    ["text", { key: "1234", position: words }],
    ["all zero, where the generator would stand still", { key: words, position: [0, 0, 0, 0] }],
  ])("refuse %s", (_, state) => {
    expect(() => Random.restore(state as never)).toThrow(ConfigError);
  });
});

describe("distributions", () => {
  it("uint32 has every bit set half of the time, and no bit follows the one before", () => {
    const random = Random.fromSeed(17);
    const count = 40_000;
    const set = new Uint32Array(32);
    const repeated = new Uint32Array(32);
    let previous = random.uint32();
    for (let i = 0; i < count; i++) {
      const draw = random.uint32();
      for (let bit = 0; bit < 32; bit++) {
        set[bit]! += (draw >>> bit) & 1;
        repeated[bit]! += ((draw ^ previous) >>> bit) & 1;
      }
      previous = draw;
    }
    for (let bit = 0; bit < 32; bit++) {
      // Half of 40 000, deviation 100; five deviations.
      expect(Math.abs(set[bit]! - count / 2)).toBeLessThan(500);
      expect(Math.abs(repeated[bit]! - count / 2)).toBeLessThan(500);
    }
  });

  it("uniform is in [0, 1) and even, and successive draws fill the square", () => {
    const random = Random.fromSeed(2);
    const cells = new Uint32Array(20 * 20);
    let previous = random.uniform();
    for (let i = 0; i < 100_000; i++) {
      const draw = random.uniform();
      cells[Math.floor(previous * 20) * 20 + Math.floor(draw * 20)]! += 1;
      previous = draw;
    }
    // A draw outside [0, 1) would have counted in no cell.
    expect(cells.reduce((sum, count) => sum + count)).toBe(100_000);
    expect(chiSquare(cells)).toBeLessThan(chiSquareLimit(400));
  });

  it("uniforms are float32 in [low, high), never rounded up to 1", () => {
    const values = Random.fromSeed(4).uniforms(200_000);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const scaled = Random.fromSeed(4).uniforms(1000, -2, 3);
    expect(Array.from(scaled)).toEqual(Array.from(values.subarray(0, 1000), (value) => Math.fround(5 * value - 2)));
  });

  it.each([1, 2, 3, 6, 7, 10, 100, 256])("integer(%i) is even over its range", (bound) => {
    const random = Random.fromSeed(bound);
    const counts = new Uint32Array(bound);
    for (let i = 0; i < 50_000; i++) {
      counts[random.integer(bound)]! += 1;
    }
    expect(chiSquare(counts)).toBeLessThan(chiSquareLimit(bound));
  });

  it("integer has no bias where a remainder would: a bound of ¾ of 2^32", () => {
    const random = Random.fromSeed(9);
    const bound = 3 * 2 ** 30;
    const thirds = new Uint32Array(3);
    for (let i = 0; i < 30_000; i++) {
      thirds[Math.floor(random.integer(bound) / 2 ** 30)]! += 1;
    }
    // A remainder would give shares of ½, ¼, ¼.
    expect(chiSquare(thirds)).toBeLessThan(chiSquareLimit(3));
  });

  it("integer takes every bound up to 2^32 and no other", () => {
    expect(Random.fromSeed(1).integer(1)).toBe(0);
    expect(Random.fromSeed(1).integer(2 ** 32)).toBe(Random.fromSeed(1).uint32());
    for (const bound of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) {
      expect(() => Random.fromSeed(1).integer(bound)).toThrow(ConfigError);
    }
  });

  it.each([
    ["normal", (random: Random, count: number) => Float64Array.from({ length: count }, () => random.normal())],
    ["normals", (random: Random, count: number) => random.normals(count)],
  ])("%s has the moments and tails of N(0, 1)", (_, draw) => {
    const count = 100_001;
    const values: ArrayLike<number> = draw(Random.fromSeed(21), count);
    const moment = (power: number) => Array.from(values).reduce((sum, value) => sum + value ** power, 0) / count;
    // Deviations of the sample moments: √(1, 2, 15, 96) / √count; five of them.
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / count));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / count));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / count));
    const beyondTwo = Array.from(values).filter((value) => Math.abs(value) > 2).length / count;
    expect(Math.abs(beyondTwo - 0.0455)).toBeLessThan(5 * Math.sqrt(0.0455 / count));
    expect(Array.from(values).every(Number.isFinite)).toBe(true);
  });

  it("normals scales, and neighbors are uncorrelated", () => {
    const values = Random.fromSeed(8).normals(50_000, 0.02);
    let product = 0;
    for (let i = 1; i < values.length; i++) {
      product += (values[i]! * values[i - 1]!) / 0.02 ** 2;
    }
    expect(Math.abs(product / values.length)).toBeLessThan(5 / Math.sqrt(50_000));
    expect(Random.fromSeed(8).normals(0)).toHaveLength(0);
    expect(Random.fromSeed(8).normals(3)).toEqual(Random.fromSeed(8).normals(4).slice(0, 3));
  });

  it("permutation holds every index once, and every order is equally likely", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(200), (seed, length) => {
        const order = Random.fromSeed(seed).permutation(length);
        expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
      }),
    );
    const random = Random.fromSeed(13);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = random.permutation(4).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    expect(chiSquare([...counts.values()])).toBeLessThan(chiSquareLimit(24));
  });
});
