import { ConfigError, DataError, ShapeError } from "@mmgen/core";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { rasterize } from "../svg/rasterize.js";
import { codebookUsage } from "./codebook-usage.js";
import { confusionMatrix } from "./confusion-matrix.js";
import { timingChart } from "./timing-chart.js";

describe("confusionMatrix", () => {
  const options = { counts: [[3, 1], Int32Array.of(0, 4)], labels: ["zero", "<one>"] };

  it("writes each row's shares in per cent and its count", () => {
    const svg = confusionMatrix(options);
    const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);
    expect(texts).toEqual([
      ...["read as", "asked for", "zero", "&#60;one&#62;"],
      ...["zero", "75", "25", "4", "&#60;one&#62;", "100", "4"],
    ]);
    expect(svg).toContain("<title>zero → &#60;one&#62;: 1</title>");
  });

  it("shades a cell the stronger the greater its share", async () => {
    const png = decode(await rasterize(confusionMatrix({ ...options, labels: ["0", "1"] }), { pixelRatio: 1 }));
    // Cells of 36 pixels end at the row totals' column: margin 24, total "4" 8 wide plus 12.
    const left = png.width - 24 - 20 - 2 * 36;
    const top = png.height - 24 - 2 * 36;
    const red = [0, 1].map((row) =>
      [0, 1].map((column) => png.data[((top + row * 36 + 6) * png.width + left + column * 36 + 6) * png.channels]!),
    );
    expect(red[0]![0]).toBeLessThan(red[0]![1]!);
    expect(red[1]![1]).toBeLessThan(red[0]![0]!);
    expect(red[1]![0]).toBeGreaterThan(230);
  });

  it("refuses ragged counts, counts without labels, and what is no count", () => {
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

describe("codebookUsage", () => {
  it("says how many codes are used and the perplexity", () => {
    // Two codes evenly: perplexity 2.
    expect(codebookUsage({ counts: [5, 0, 5, 0] })).toContain("4 codes, 2 used (50.0 %), perplexity 2.0");
    expect(codebookUsage({ counts: new Int32Array(1024).fill(7) })).toContain("1024 used (100.0 %), perplexity 1024.0");
  });

  it("draws the most used code first and as tall as its share", async () => {
    const png = decode(await rasterize(codebookUsage({ counts: [1, 3], title: "", subtitle: "" }), { pixelRatio: 1 }));
    const isBar = (x: number, y: number) => {
      const [red, , blue] = png.data.subarray((y * png.width + x) * png.channels);
      return blue! - red! > 80;
    };
    const barHeight = (x: number) => Array.from({ length: png.height }, (_, y) => isBar(x, y)).filter(Boolean).length;
    const [first, second] = [barHeight(68 + 20), barHeight(68 + 560 - 200)];
    expect(second).toBeGreaterThan(40);
    // Shares 0.75 and 0.25; the dashed line and antialiasing may take a few pixels.
    expect(Math.abs(first - 3 * second)).toBeLessThan(8);
  });

  it("refuses no codes, no use, and what is no count", () => {
    expect(() => codebookUsage({ counts: [] })).toThrow(ShapeError);
    expect(() => codebookUsage({ counts: [0, 0] })).toThrow(DataError);
    expect(() => codebookUsage({ counts: [1, -1] })).toThrow(DataError);
    expect(() => codebookUsage({ counts: [1, Number.NaN] })).toThrow(/NaN/);
  });
});

describe("timingChart", () => {
  it("starts at 0 and names both ways", async () => {
    const series = [
      { label: "with cache", x: [10, 50], y: [20, 100] },
      { label: "without", x: [10, 50], y: [60, 900] },
    ];
    const svg = await timingChart({ series, title: "Generation" });
    for (const text of ["Generation", "ms", "with cache", "without", "ids generated", "0"]) {
      expect(svg).toContain(`>${text}</text>`);
    }
    expect(svg).toMatch(/Y-axis for a linear scale with values from 0 to/);
  });

  it("refuses a time below 0", async () => {
    await expect(timingChart({ series: [{ label: "a", y: [-1] }] })).rejects.toBeInstanceOf(ConfigError);
  });
});
