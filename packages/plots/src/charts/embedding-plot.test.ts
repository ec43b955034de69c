import { DataError, ShapeError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { embeddingPlot } from "./embedding-plot.js";

const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);

describe("embeddingPlot", () => {
  const options = { positions: [0, 0, 2, 1, 1, 0.5], classes: [0, 1, 1], classNames: ["zero", "one"] };

  it("names the classes and draws each point once, in the color of its class", () => {
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

  it("refuses points without a position or class, and no points", () => {
    expect(() => embeddingPlot({ ...options, positions: [] })).toThrow(ShapeError);
    expect(() => embeddingPlot({ ...options, classes: [], positions: [] })).toThrow(ShapeError);
    expect(() => embeddingPlot({ ...options, classes: [0, 1, 2] })).toThrow(DataError);
    expect(() => embeddingPlot({ ...options, positions: [0, 0, 1, 1, Number.NaN, 1] })).toThrow(DataError);
  });

  it("draws a single point", () => {
    expect(embeddingPlot({ positions: [3, 3], classes: [0], classNames: ["a"] })).not.toContain("NaN");
  });
});
