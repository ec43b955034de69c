import { ConfigError, DataError, Random } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { corruptBatch, type KernelOptions, resolveKernel } from "../index.js";
import { expectFrequencies } from "../processors/frequencies.fixture.js";
import { isStepped } from "./kernels.js";
import { cumulativeShares } from "./transitions.js";

// A marker, eight codes of 0 … 4 between, a word that is always known. The mask is id 9.
const length = 10;
const maskId = 9;
const corruptible = Uint8Array.from({ length }, (_, i) => (i === 0 || i === 9 ? 0 : 1));
const legal = {
  from: Int32Array.from({ length }, (_, i) => (i === 0 ? 5 : i === 9 ? 6 : 0)),
  to: Int32Array.from({ length }, (_, i) => (i === 0 ? 6 : i === 9 ? 9 : 5)),
};
const random = Random.fromSeed(8);
const rowsOf = (count: number) => ({
  data: Int32Array.from({ length: count * length }, (_, i) => (i % length === 0 ? 5 : i % length === 9 ? 7 : i % 5)),
  count,
  length,
});
const ids = rowsOf(64);
const all = { ids, corruptible, legal, maskId };
const kernels: KernelOptions[] = [
  { type: "absorbing" },
  { type: "maskgit" },
  { type: "chain" },
  { type: "uniform" },
  { type: "mask-and-replace", untouched: [0.9, 0.1], masked: [0.05, 0.4] },
];
/** Indices by row. */
const byRow = <T>(array: ArrayLike<T>, count = 64) =>
  Array.from({ length: count }, (_, row) => Array.from({ length }, (_, i) => array[row * length + i]!));

describe("corruptBatch", () => {
  it.each(kernels)("never touches what is known, keeps to the legal ids, and is seeded: $type", (kernel) => {
    const batch = corruptBatch({ ...all, kernel, random: Random.fromSeed(1) });
    expect(corruptBatch({ ...all, kernel, random: Random.fromSeed(1) })).toEqual(batch);
    expect(corruptBatch({ ...all, kernel, random: Random.fromSeed(2) })).not.toEqual(batch);
    expect(batch.inputs).not.toEqual(ids);
    expect(ids).toEqual(rowsOf(64));
    for (const tokens of [batch.inputs, batch.targets]) {
      tokens.data.forEach((id, i) => {
        const position = i % length;
        if (corruptible[position] === 0) {
          expect(id).toBe(ids.data[i]);
          expect(batch.weights[i]).toBe(0);
        } else if (!(tokens === batch.inputs && id === maskId)) {
          expect(id >= 0 && id < 5).toBe(true);
        }
      });
    }
  });

  it("takes flags by row, and rows without codes", () => {
    const flags = Uint8Array.from(ids.data, (_, i) => (i < 32 * length ? corruptible[i % length]! : 0));
    for (const kernel of kernels) {
      const { inputs } = corruptBatch({ ...all, corruptible: flags, kernel, random });
      expect(inputs.data.slice(32 * length)).toEqual(ids.data.slice(32 * length));
    }
  });

  it("absorbing: masks m of n codes, m spread evenly over a batch, and weighs by n / m", () => {
    const { inputs, targets, weights, weightSum } = corruptBatch({ ...all, kernel: { type: "absorbing" }, random });
    expect(targets).toEqual(ids);
    expect(weightSum).toBe(64 * 8);
    byRow(inputs.data).forEach((row, i) => {
      // Eight rows of 64 in turn have each of the counts 1 … 8.
      const count = 1 + Math.floor(i / 8);
      expect(row.filter((id) => id === maskId).length).toBe(count);
      expect(byRow(weights)[i]).toEqual(row.map((id) => (id === maskId ? Math.fround(8 / count) : 0)));
    });
  });

  it("absorbing: masks every position equally often, and has the mean of masking by time", () => {
    const { inputs, weights } = corruptBatch({ ...all, ids: rowsOf(8000), kernel: { type: "absorbing" }, random });
    const masked = byRow(inputs.data, 8000).flatMap((row) => row.flatMap((id, i) => (id === maskId ? [i] : [])));
    expectFrequencies(
      Array.from({ length: 8 }, (_, i) => masked.filter((position) => position === i + 1).length),
      new Array(8).fill(1 / 8),
      7,
    );
    // Of the loss by times t in [0, 1], masking m of 8 codes has the weight ∫ B(m; 8, t) / t dt = 1 / m: as here, 1/8 · 8/m.
    byRow(weights, 8000).forEach((row, i) => {
      expect(
        row.reduce((sum, weight) => sum + weight, 0),
        `row ${i}`,
      ).toBeCloseTo(8, 5);
    });
  });

  it("maskgit: masks max(1, round(n · cos(πt/2))) codes, and counts these alone", () => {
    const { inputs, weights, weightSum } = corruptBatch({ ...all, kernel: { type: "maskgit" }, random });
    expect(weightSum).toBeUndefined();
    byRow(inputs.data).forEach((row, i) => {
      const count = row.filter((id) => id === maskId).length;
      const expected = [i, i + 1].map((t) => Math.max(1, Math.round(8 * Math.cos(((Math.PI / 2) * t) / 64))));
      expect(expected).toContain(count);
      expect(byRow(weights)[i]).toEqual(row.map((id) => (id === maskId ? 1 : 0)));
    });
  });

  it("chain: predicts x_a, a random share replaced, from x_b, a further 10 % of x_a replaced", () => {
    const long = { data: new Int32Array(64 * 50), count: 64, length: 50 };
    const ranges = { from: new Int32Array(50), to: new Int32Array(50).fill(1000) };
    const { inputs, targets, weights } = corruptBatch({ ids: long, legal: ranges, kernel: { type: "chain" }, random });
    expect(weights.every((weight) => weight === 1)).toBe(true);
    const changed = (a: Int32Array, b: Int32Array, row: number) =>
      Array.from({ length: 50 }, (_, i) => a[row * 50 + i] !== b[row * 50 + i]).filter(Boolean).length;
    for (let row = 0; row < 64; row++) {
      // One in 1000 replacements is the id itself.
      expect(changed(long.data, targets.data, row)).toBeGreaterThanOrEqual(Math.round((row / 64) * 50) - 2);
      expect(changed(long.data, targets.data, row)).toBeLessThanOrEqual(Math.round(((row + 1) / 64) * 50));
      expect([4, 5]).toContain(changed(targets.data, inputs.data, row));
    }
  });

  it("uniform and mask-and-replace: have the shares of their times", () => {
    for (const options of kernels.slice(3)) {
      const kernel = resolveKernel({ ...options, steps: 4 } as KernelOptions);
      if (!isStepped(kernel)) {
        throw new Error("no steps");
      }
      const { untouched, masked } = cumulativeShares(kernel);
      const { inputs, posterior } = corruptBatch({ ...all, ids: rowsOf(8000), kernel, random });
      for (let t = 1; t <= 4; t++) {
        // Rows of a batch go through the times in turn.
        const rows = byRow(inputs.data, 8000).slice((t - 1) * 2000, t * 2000);
        const counts = new Array<number>(6).fill(0);
        rows.forEach((row, r) => {
          row.slice(1, 9).forEach((id, i) => {
            const original = (((t - 1) * 2000 + r) * length + i + 1) % 5;
            counts[id === maskId ? 5 : (id - original + 5) % 5]!++;
          });
        });
        const other = (1 - untouched[t]! - masked[t]!) / 5;
        const expected = [untouched[t]! + other, other, other, other, other, masked[t]!];
        expectFrequencies(counts, expected, 4);
        const shares = posterior!.transitions.subarray((t * 2000 - 1) * 9, t * 2000 * 9);
        expect(shares[6]).toBe(Math.fround(untouched[t]!));
        expect(shares[3]).toBe(Math.fround(untouched[t - 1]!));
      }
    }
  });

  it("refuses what does not fit", () => {
    const kernel = { type: "absorbing" } as const;
    expect(() => corruptBatch({ ids, kernel, random })).toThrow("maskId: required by a kernel that masks");
    expect(() => corruptBatch({ ids, kernel: { type: "chain" }, random })).toThrow("legal: required by a kernel that");
    expect(() => corruptBatch({ ...all, maskId: 4, kernel, random })).toThrow("holds maskId 4");
    expect(() =>
      corruptBatch({ ...all, corruptible: undefined, ids: rowsOf(2), kernel, random, maskId: 11 }),
    ).not.toThrow();
    const outside = { ...ids, data: ids.data.map((id, i) => (i === 3 ? 8 : id)) };
    expect(() => corruptBatch({ ...all, ids: outside, kernel, random })).toThrow(DataError);
    expect(() => corruptBatch({ ...all, corruptible: new Uint8Array(3), kernel, random })).toThrow("10 positions");
    expect(() => corruptBatch({ ...all, kernel: { type: "absorbin" } as never, random })).toThrow(
      'did you mean "absorbing"',
    );
  });
});

describe("resolveKernel", () => {
  it("has the published schedule of VQ-Diffusion: ᾱ .99999 → 9e-6, γ̄ 9e-6 → .99999 in 100 steps", () => {
    const kernel = resolveKernel({ type: "mask-and-replace" });
    if (!isStepped(kernel)) {
      throw new Error("no steps");
    }
    const { untouched, masked } = cumulativeShares(kernel);
    expect([untouched[0], untouched[1], untouched[100]]).toEqual([1, 0.99999, 0.000009]);
    expect([masked[0], masked[1], masked[100]]).toEqual([0, 0.000009, 0.99999]);
    // np.arange(0, 100) / 99 · (last − first) + first
    expect(untouched[50]).toBeCloseTo((49 / 99) * (0.000009 - 0.99999) + 0.99999, 12);
    expect(JSON.parse(JSON.stringify(kernel))).toEqual(kernel);
  });

  it("refuses shares of which a step would be negative", () => {
    const shares = (untouched: number[], masked: number[]) =>
      resolveKernel({ type: "mask-and-replace", steps: 3, untouched, masked });
    expect(() => shares([0.9, 0.2], [0.05, 0.9])).toThrow(ConfigError);
    expect(() => shares([0.2, 0.9], [0.05, 0.1])).toThrow("shares that fall");
    expect(() => shares([0.9, 0.2], [0.08, 0.1])).not.toThrow();
    expect(() => shares([0.9, 0.5], [0.1, 0.5])).toThrow("sums below 1");
  });
});
