import { describe, expect, it } from "vitest";
import {
  type CounterKey,
  counterMask,
  counterWord,
  counterWords,
  dropShare,
  maskArrays,
  plainMask,
  plainWords,
} from "./counter-words.js";
import { Random } from "./random.js";
import { wordProgram } from "./word-program.js";

const key = (seed: number) => Random.fromSeed(seed).counterKey();
const words = (key: CounterKey, count: number, start = 0) => counterWords(key, start, new Uint32Array(count));

/** Deviation of Pearson's statistic of equally likely bins from its mean, in standard deviations. */
function chiSquareDeviation(counts: Uint32Array): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const expected = total / counts.length;
  const statistic = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const degrees = counts.length - 1;
  return (statistic - degrees) / Math.sqrt(2 * degrees);
}

function bitCount(value: number): number {
  let count = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) {
    count++;
  }
  return count;
}

describe("counterWords", () => {
  it("stay as they are from release to release: checkpoints and samples depend on them", () => {
    const [zero, one] = [
      { first: 0, second: 0 },
      { first: 0xdeadbeef, second: -1 },
    ];
    expect([...words(zero, 3), ...words(one, 3, 2 ** 32 - 2)]).toMatchInlineSnapshot(`
      [
        1303218464,
        444561683,
        2061284122,
        1181304638,
        1875407276,
        3881301079,
      ]
    `);
  });

  it("follow the formula, in exact integers", () => {
    const { first, second } = key(3);
    const wrap = (x: bigint) => x & 0xffffffffn;
    for (const [i, word] of words({ first, second }, 50, 7).entries()) {
      let x = wrap(BigInt(i + 7) * 0x9e3779b1n + BigInt(first));
      for (const summand of [BigInt(second), 0x7f4a7c15n, 0x6c078965n, 0x85ebca6bn]) {
        x = wrap(x * (2n * x + 1n) + summand);
        x = x / 65536n + wrap(x * 65536n);
      }
      expect(word).toBe(Number(x));
      expect(counterWord({ first, second }, i + 7) >>> 0).toBe(word);
    }
  });

  it("are the same with and without WebAssembly, over several fillings of its memory", () => {
    const { first, second } = key(6);
    const plain = new Int32Array(40_001);
    plainWords(first | 0, second | 0, plain);
    expect(wordProgram()).toBeDefined();
    expect(Buffer.compare(new Uint8Array(plain.buffer), new Uint8Array(words(key(6), 40_001).buffer))).toBe(0);
  });

  it("can be drawn in any parts", () => {
    const whole = words(key(1), 100);
    expect([...words(key(1), 30), ...words(key(1), 70, 30)]).toEqual([...whole]);
  });

  // Of 50 statistics of each of four keys the largest stays below five standard deviations.
  it.each([
    ["a drawn key", key(5)],
    ["another", key(6)],
    ["zeros", { first: 0, second: 0 }],
    ["small numbers", { first: 1, second: 2 }],
  ])("have even bytes, and even pairs of bytes at the distances of ids, heads and rows, under %s", (_, key) => {
    const drawn = words(key, 2 ** 17);
    const pairs = (bitsOf: (word: number, later: number) => number, lag = 0) => {
      const counts = new Uint32Array(256);
      for (let i = 0; i < drawn.length - lag; i++) {
        counts[bitsOf(drawn[i]!, drawn[i + lag]!)]!++;
      }
      return Math.abs(chiSquareDeviation(counts));
    };
    const deviations: number[] = [];
    for (const place of [0, 8, 16, 24]) {
      deviations.push(pairs((word) => (word >>> place) & 255));
      for (const lag of [1, 2, 57, 128, 516]) {
        deviations.push(pairs((a, b) => ((a >>> place) & 0xf0) | ((b >>> (place + 4)) & 15), lag));
        deviations.push(pairs((a, b) => (((a >>> place) & 15) << 4) | ((b >>> place) & 15), lag));
      }
      for (const other of [0, 8, 16, 24].filter((other) => other > place)) {
        deviations.push(pairs((word) => ((word >>> place) & 0xf0) | ((word >>> (other + 4)) & 15)));
      }
    }
    expect(deviations.every((deviation) => deviation < 5)).toBe(true);
  });

  it("change half of their bits with each bit of the place and of both keys", () => {
    const samples = 2000;
    const random = Random.fromSeed(9);
    const flipOne = [
      (place: number, key: CounterKey, bit: number) => counterWord(key, place ^ bit),
      (place: number, key: CounterKey, bit: number) => counterWord({ ...key, first: key.first ^ bit }, place),
      (place: number, key: CounterKey, bit: number) => counterWord({ ...key, second: key.second ^ bit }, place),
    ];
    let worst = 0;
    for (const flipped of flipOne) {
      for (let bit = 0; bit < 32; bit++) {
        const changed = new Uint32Array(32);
        for (let i = 0; i < samples; i++) {
          const [place, key] = [random.uint32(), random.counterKey()];
          const difference = counterWord(key, place) ^ flipped(place, key, 1 << bit);
          for (let out = 0; out < 32; out++) {
            changed[out]! += (difference >>> out) & 1;
          }
        }
        worst = Math.max(worst, ...changed.map((count) => Math.abs(count - samples / 2)));
      }
    }
    // Five deviations of a count; there are 3072.
    expect(worst).toBeLessThan(5 * Math.sqrt(samples / 4));
  });

  it("of neighboring keys have nothing to do with each other", () => {
    const { first, second } = key(2);
    for (const next of [
      { first: first + 1, second },
      { first, second: second + 1 },
    ]) {
      const [a, b] = [words({ first, second }, 2 ** 16), words(next, 2 ** 16)];
      const bits = a.reduce((sum, word, i) => sum + bitCount(word ^ b[i]!), 0);
      // Half of 2²¹ bits, deviation √(2²¹ / 4).
      expect(Math.abs(bits - 2 ** 20)).toBeLessThan(5 * Math.sqrt(2 ** 19));
    }
  });
});

describe("counterMask", () => {
  it.each([
    { bits: 8, below: 26 },
    { bits: 8, below: 128 },
    { bits: 8, below: 129 },
    { bits: 8, below: 0 },
    { bits: 8, below: 255 },
    { bits: 16, below: 655 },
    { bits: 32, below: 2 ** 31 },
  ] as const)("compares the words' $bits bits with $below", ({ bits, below }) => {
    const size = 1003;
    const mask = counterMask(key(4), { bits, below }, new Uint8Array(size));
    const buffer = words(key(4), size).buffer;
    const values = { 8: new Uint8Array(buffer), 16: new Uint16Array(buffer), 32: new Uint32Array(buffer) }[bits];
    expect([...mask]).toEqual(Array.from(values.subarray(0, size), (value) => (value < below ? 0 : 1)));
  });

  it("is the same with and without WebAssembly, over several fillings of its memory", () => {
    const size = 2 * wordProgram()!.memory.length + 777;
    for (const below of [0, 26, 128, 230, 255]) {
      const mask = counterMask(key(6), { bits: 8, below }, new Uint8Array(size));
      expect(Buffer.compare(mask, plainMask(key(6), { bits: 8, below }, new Uint8Array(size)))).toBe(0);
    }
  });

  it("fills a part of a buffer", () => {
    const whole = new Uint8Array(20).fill(7);
    const inner = counterMask(key(4), dropShare(0.5), new Uint8Array(11));
    counterMask(key(4), dropShare(0.5), whole.subarray(3, 14));
    expect([...whole]).toEqual([7, 7, 7, ...inner, 7, 7, 7, 7, 7, 7]);
  });
});

describe("maskArrays", () => {
  const sizes = [1, 63, 64, 0, 65, 200_001];

  it.each([
    { bits: 8, below: 26 },
    { bits: 16, below: 655 },
  ] as const)("take the masks of any arrays, each its own, $bits bits", (share) => {
    const arrays = maskArrays(sizes);
    expect(arrays.map(({ length }) => length)).toEqual(sizes);
    expect(new Set(arrays.map(({ buffer }) => buffer)).size).toBe(1);
    // Backwards, as a mask that is written past its end would spoil the next one.
    for (const i of sizes.keys()) {
      const last = sizes.length - 1 - i;
      expect(counterMask(key(last), share, arrays[last]!)).toBe(arrays[last]);
    }
    for (const [i, array] of arrays.entries()) {
      expect(Buffer.compare(array, plainMask(key(i), share, new Uint8Array(sizes[i]!)))).toBe(0);
    }
  });

  it("may be drawn in parts", () => {
    const [array] = maskArrays([100]);
    array!.fill(7);
    const inner = counterMask(key(4), dropShare(0.5), new Uint8Array(11));
    counterMask(key(4), dropShare(0.5), array!.subarray(64, 75));
    expect([...array!.subarray(60, 80)]).toEqual([7, 7, 7, 7, ...inner, 7, 7, 7, 7, 7]);
  });
});

describe("dropShare", () => {
  it("takes as few bits as bring it within 2 % of both probabilities", () => {
    expect([0, 0.1, 0.5, 0.9, 0.01, 0.999, 1e-6].map(dropShare)).toEqual([
      { bits: 8, below: 0 },
      { bits: 8, below: 26 },
      { bits: 8, below: 128 },
      { bits: 8, below: 230 },
      { bits: 16, below: 655 },
      { bits: 16, below: 65470 },
      { bits: 32, below: 4295 },
    ]);
    for (let rate = 0.0001; rate < 1; rate += 0.0007) {
      const { bits, below } = dropShare(rate);
      expect(Math.abs(below / 2 ** bits - rate)).toBeLessThanOrEqual(0.02 * Math.min(rate, 1 - rate));
    }
    // Never all: what is kept is divided by its share.
    expect(dropShare(1 - 2 ** -53).below).toBeLessThan(2 ** 32);
  });
});
