import { DataError, ShapeError } from "@mmgen/core";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { rasterize } from "../svg/rasterize.js";
import { codebookUsage } from "./codebook-usage.js";

describe("codebookUsage", () => {
  it("states how many codes are used and the perplexity", () => {
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

  it("refuses no codes, no use, and values that are not counts", () => {
    expect(() => codebookUsage({ counts: [] })).toThrow(ShapeError);
    expect(() => codebookUsage({ counts: [0, 0] })).toThrow(DataError);
    expect(() => codebookUsage({ counts: [1, -1] })).toThrow(DataError);
    expect(() => codebookUsage({ counts: [1, Number.NaN] })).toThrow(/NaN/);
  });
});
