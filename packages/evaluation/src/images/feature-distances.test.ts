import { ConfigError, ShapeError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { frechetDistance } from "./frechet-distance.js";
import { bytes } from "./numbers.fixture.js";
import { precisionAndRecall } from "./precision-recall.js";

describe("frechetDistance", () => {
  const first = Float64Array.from(bytes(40 * 6, 3), (x) => x / 64);
  const second = Float64Array.from(bytes(25 * 6, 4), (x) => x / 50);
  for (let row = 0; row < 25; row++) {
    // One feature depends on two others, so that this covariance has no inverse.
    second[row * 6 + 1] = 0.5 * second[row * 6]! + second[row * 6 + 2]!;
  }

  it("is what NumPy computes from the eigenvalues of the product of the covariances", () => {
    // The root of an eigenvalue that is 0 but for rounding is as large as 1e-8.
    expect(frechetDistance(first, second, { dimension: 6 })).toBeCloseTo(7.727073363663809, 6);
    expect(frechetDistance(second, first, { dimension: 6 })).toBeCloseTo(7.727073363663809, 6);
    expect(frechetDistance(Float32Array.from(first), Float32Array.from(second), { dimension: 6 })).toBeCloseTo(
      7.727,
      3,
    );
  });

  it("is 0 of equal sets, and the squared shift of a shifted one", () => {
    expect(frechetDistance(first, first, { dimension: 6 })).toBeCloseTo(0, 10);
    const shifted = first.map((x, i) => x + (i % 6 === 2 ? 3 : 0));
    expect(frechetDistance(first, shifted, { dimension: 6 })).toBeCloseTo(9, 8);
  });

  it("of one feature is the squared differences of means and of standard deviations", () => {
    // Means 2 and 10, deviations over count − 1: √2 · 1 and √2 · 3.
    const distance = frechetDistance([1, 3], [7, 13], { dimension: 1 });
    expect(distance).toBeCloseTo(8 ** 2 + (Math.SQRT2 * 2) ** 2, 10);
  });

  it("refuses features that are not whole rows, too few or not finite", () => {
    expect(() => frechetDistance([1, 2, 3], [1, 2, 3, 4], { dimension: 2 })).toThrow(ShapeError);
    expect(() => frechetDistance([1, 2], [1, 2, 3, 4], { dimension: 2 })).toThrow(/first: expected at least 2 rows/);
    expect(() => frechetDistance([1, Number.NaN], [1, 2], { dimension: 1 })).toThrow(/got NaN at index 1/);
    expect(() => frechetDistance([1, 2], [1, 2], { dimension: 0 })).toThrow(ConfigError);
    expect(() => frechetDistance(undefined as never, [1, 2], { dimension: 1 })).toThrow(ShapeError);
  });
});

describe("precisionAndRecall", () => {
  const real = bytes(60, 5);
  const generated = Float64Array.from(bytes(40, 6), (x) => 0.7 * x + 60);

  it("is what NumPy computes from all distances", () => {
    const three = precisionAndRecall(real, generated, { dimension: 2 });
    expect([three.precision, three.recall]).toEqual([1, 0.8]);
    const one = precisionAndRecall(real, generated, { dimension: 2, neighbors: 1 });
    expect(one.precision).toBeCloseTo(0.75, 12);
    expect(one.recall).toBeCloseTo(16 / 30, 12);
  });

  it("is 1 and 1 of equal sets; of a set that repeats one real image, precise without variety", () => {
    expect(precisionAndRecall(real, real, { dimension: 2 })).toEqual({ precision: 1, recall: 1 });
    const repeated = Float64Array.from({ length: 20 }, (_, i) => real[i % 2]!);
    const { precision, recall } = precisionAndRecall(real, repeated, { dimension: 2 });
    expect(precision).toBe(1);
    expect(recall).toBeCloseTo(1 / 30, 12);
  });

  it("refuses sets without so many neighbors", () => {
    expect(() => precisionAndRecall([1, 2, 3], [1, 2, 3, 4], { dimension: 1 })).toThrow(/real: expected at least 4/);
    expect(() => precisionAndRecall(real, generated, { dimension: 2, neighbours: 2 } as never)).toThrow(/"neighbors"/);
  });
});
