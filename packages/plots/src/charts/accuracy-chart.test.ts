import { DataError, ShapeError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { accuracyChart, accuracyMargin } from "./accuracy-chart.js";

const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);

describe("accuracyChart", () => {
  it("has the interval of the normal approximation", () => {
    // 0.9 of 900: the standard error is √(0.09 / 900) = 0.01.
    expect(accuracyMargin({ correct: 810, count: 900 })).toBeCloseTo(0.0196, 10);
    expect(accuracyMargin({ correct: 4, count: 4 })).toBe(0);
  });

  it("draws a whisker for each point, between its bounds, and names the references", () => {
    const points = [
      { step: 500, correct: 800, count: 1000 },
      { step: 1000, correct: 900, count: 1000 },
    ];
    const svg = accuracyChart({ points, references: [{ label: "published", share: 0.85 }] });
    expect(texts(svg)).toEqual(["0.75", "0.80", "0.85", "0.90", "0.95", "1.00", "500", "1000", "step", "published"]);
    const whiskers = [...svg.matchAll(/M[\d.]+ ([\d.]+)V([\d.]+)M/g)].map(
      ([, high, low]) => Number(low) - Number(high),
    );
    // 0.25 of share are 280 CSS pixels high.
    expect(whiskers[0]).toBeCloseTo((2 * accuracyMargin(points[0]!) * 280) / 0.25, 1);
    expect(whiskers[1]).toBeLessThan(whiskers[0]!);
  });

  it("refuses points that are no accuracy", () => {
    expect(() => accuracyChart({ points: [] })).toThrow(ShapeError);
    for (const point of [
      { step: 1, correct: 2, count: 1 },
      { step: 1, correct: 0, count: 0 },
      { step: Number.NaN, correct: 1, count: 1 },
      { step: 1, correct: 0.5, count: 1 },
    ]) {
      expect(() => accuracyChart({ points: [point] })).toThrow(DataError);
    }
  });
});
