import { DataError, ShapeError } from "@mmgen/core";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { rasterize } from "../svg/rasterize.js";
import { confusionMatrix } from "./confusion-matrix.js";

const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);

describe("confusionMatrix", () => {
  const options = { counts: [[3, 1], Int32Array.of(0, 4)], labels: ["zero", "<one>"] };

  it("writes each row's shares in per cent and its count", () => {
    const svg = confusionMatrix(options);
    expect(texts(svg)).toEqual([
      ...["zero", "&#60;one&#62;", "read as", "zero", "&#60;one&#62;", "asked for"],
      ...["4", "4", "75", "25", "100"],
    ]);
    expect(svg).toContain("<title>zero → &#60;one&#62;: 1</title>");
  });

  it("shades a cell more strongly the larger its share", async () => {
    const svg = confusionMatrix({ ...options, labels: ["0", "1"] });
    const png = decode(await rasterize(svg, { pixelRatio: 1 }));
    // The plot's corner, from which cells of 36 pixels begin; margin 24 beneath them.
    const [, left, top] = /<g transform="translate\((\d+) (\d+)\)">/.exec(svg)!.map(Number) as [number, number, number];
    expect(png.height).toBe(top + 2 * 36 + 24);
    const red = [0, 1].map((row) =>
      [0, 1].map((column) => png.data[((top + row * 36 + 6) * png.width + left + column * 36 + 6) * png.channels]!),
    );
    expect(red[0]![0]).toBeLessThan(red[0]![1]!);
    expect(red[1]![1]).toBeLessThan(red[0]![0]!);
    expect(red[1]![0]).toBeGreaterThan(230);
  });

  it("refuses ragged counts, counts without labels, and values that are not counts", () => {
    expect(() => confusionMatrix({ ...options, counts: [[1, 2], [3]] })).toThrow(ShapeError);
    expect(() => confusionMatrix({ ...options, labels: ["a"] })).toThrow(ShapeError);
    expect(() => confusionMatrix({ counts: [], labels: [] })).toThrow(ShapeError);
    expect(() =>
      confusionMatrix({
        ...options,
        counts: [
          [1, 2],
          [0.5, 1],
        ],
      }),
    ).toThrow(DataError);
  });

  it("an empty row stays empty instead of dividing by zero", () => {
    expect(
      confusionMatrix({
        ...options,
        counts: [
          [0, 0],
          [0, 1],
        ],
      }),
    ).not.toContain("NaN");
  });
});
