import { DataError, ShapeError } from "@mmgen/core";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { rasterize } from "../svg/rasterize.js";
import { accuracyChart, accuracyMargin } from "./accuracy-chart.js";
import { embeddingPlot } from "./embedding-plot.js";
import { sequenceLogos } from "./sequence-logos.js";

const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);

describe("sequenceLogos", () => {
  const groups = [{ label: "seven", counts: [[1, 3, 0], Int32Array.of(0, 0, 8)] }];

  it("stacks the letters of each position, the commonest first, and leaves out those that do not occur", () => {
    expect(texts(sequenceLogos({ groups, alphabet: "XYZ" }))).toEqual(["seven", "Y", "X", "1", "Z", "2"]);
  });

  it("gives each letter its share of the height", async () => {
    const png = decode(await rasterize(sequenceLogos({ groups, alphabet: "III", columns: 1 }), { pixelRatio: 1 }));
    // The first column of letters: 24 from the left, 21 wide, 120 high, below title room of 14.
    const inked = (y: number) =>
      Array.from({ length: 21 }, (_, x) => (y * png.width + 24 + x) * png.channels).filter((at) => png.data[at]! < 250);
    const colors = Array.from({ length: 120 }, (_, y) => inked(38 + y)[10]).filter((at) => at !== undefined);
    const [first] = colors;
    const upper = colors.filter((at) => png.data[at + 2] === png.data[first! + 2]);
    expect(upper.length).toBeGreaterThan(86);
    expect(upper.length).toBeLessThan(94);
  });

  it("refuses groups that differ, and what is no count", () => {
    expect(() => sequenceLogos({ groups: [], alphabet: "AB" })).toThrow(ShapeError);
    expect(() => sequenceLogos({ groups, alphabet: "AB" })).toThrow(ShapeError);
    const longer = { label: "longer", counts: [...groups[0]!.counts, [1, 0, 0]] };
    expect(() => sequenceLogos({ groups: [...groups, longer], alphabet: "XYZ" })).toThrow(/2 positions.*longer/);
    expect(() => sequenceLogos({ groups: [{ label: "", counts: [[0.5]] }], alphabet: "A" })).toThrow(DataError);
  });

  it("leaves a position without counts empty", () => {
    const svg = sequenceLogos({ groups: [{ label: "none", counts: [[0, 0]] }], alphabet: "AB" });
    expect(texts(svg)).toEqual(["none", "1"]);
    expect(svg).not.toContain("NaN");
  });
});

describe("embeddingPlot", () => {
  const options = { positions: [0, 0, 2, 1, 1, 0.5], classes: [0, 1, 1], classNames: ["zero", "one"] };

  it("names the classes and draws each point once, in its class's color", () => {
    const svg = embeddingPlot(options);
    expect(texts(svg)).toEqual(["zero", "one"]);
    const groups = [...svg.matchAll(/<path d="((?:M[\d. ]+h0)+)"[^>]*stroke="([^"]*)"/g)];
    expect(groups.map(([, path]) => path!.split("M").length - 1)).toEqual([1, 2]);
    expect(new Set(groups.map(([, , color]) => color)).size).toBe(2);
  });

  it("keeps one scale for both axes, with y upwards", () => {
    const places = [...embeddingPlot(options).matchAll(/M([\d.]+) ([\d.]+)h0/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    const [first, last] = [places[0]!, places[1]!];
    expect((last[0]! - first[0]!) / (first[1]! - last[1]!)).toBeCloseTo(2, 2);
  });

  it("refuses points without a place, a class or each other", () => {
    expect(() => embeddingPlot({ ...options, positions: [] })).toThrow(ShapeError);
    expect(() => embeddingPlot({ ...options, classes: [], positions: [] })).toThrow(ShapeError);
    expect(() => embeddingPlot({ ...options, classes: [0, 1, 2] })).toThrow(DataError);
    expect(() => embeddingPlot({ ...options, positions: [0, 0, 1, 1, Number.NaN, 1] })).toThrow(DataError);
  });

  it("draws a single point", () => {
    expect(embeddingPlot({ positions: [3, 3], classes: [0], classNames: ["a"] })).not.toContain("NaN");
  });
});

describe("accuracyChart", () => {
  it("has the interval of the normal approximation", () => {
    // 0.9 of 900: the standard error is √(0.09 / 900) = 0.01.
    expect(accuracyMargin({ correct: 810, count: 900 })).toBeCloseTo(0.0196, 10);
    expect(accuracyMargin({ correct: 4, count: 4 })).toBe(0);
  });

  it("draws a whisker a point, between its bounds, and names the references", () => {
    const points = [
      { step: 500, correct: 800, count: 1000 },
      { step: 1000, correct: 900, count: 1000 },
    ];
    const svg = accuracyChart({ points, references: [{ label: "published", share: 0.85 }] });
    expect(texts(svg)).toEqual(["0.75", "0.80", "0.85", "0.90", "0.95", "1.00", "published", "500", "1000", "step"]);
    const whiskers = [...svg.matchAll(/M[\d.]+ ([\d.]+)V([\d.]+)M/g)].map(
      ([, high, low]) => Number(low) - Number(high),
    );
    // 0.25 of share are 280 CSS pixels high.
    expect(whiskers[0]).toBeCloseTo((2 * accuracyMargin(points[0]!) * 280) / 0.25, 1);
    expect(whiskers[1]).toBeLessThan(whiskers[0]!);
  });

  it("refuses what is no accuracy", () => {
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
