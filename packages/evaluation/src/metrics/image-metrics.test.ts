import type { CodeLayout } from "@mmgen/core";
import { ConfigError, type ImageBatch, ShapeError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { CodeUsage, reconstructionMetrics } from "../index.js";

describe("CodeUsage", () => {
  it("gathers perplexity and share over all that was added", () => {
    const usage = new CodeUsage(8);
    expect([usage.perplexity(), usage.share()]).toEqual([0, 0]);
    usage.add(Int32Array.of(0, 0, 0));
    expect(usage.perplexity()).toBeCloseTo(1, 12);
    usage.add(Int32Array.of(1, 2, 3, 1, 2, 3, 1, 2, 3));
    expect(usage.perplexity()).toBeCloseTo(4, 12);
    expect(usage.share()).toBe(0.5);
    expect([...usage.counts]).toEqual([3, 3, 3, 3, 0, 0, 0, 0]);
  });

  it("counts each codebook separately, and not the codes of a palette", () => {
    const layout: CodeLayout = {
      ...{ codesPerImage: 6, codebooks: 2, codebookSize: 4 },
      ...{ paletteCodes: 2, paletteSize: 10, palettePlace: "before" },
    };
    const usage = new CodeUsage(layout);
    // Of the first codebook 0 and 1 in turns, of the second 3 throughout.
    usage.add([9, 0, 10, 13, 11, 13, 9, 9, 10, 13, 11, 13]);
    expect([...usage.counts]).toEqual([2, 2, 0, 0, 0, 0, 0, 4]);
    expect(usage.perplexity()).toBeCloseTo((2 + 1) / 2, 12);
    expect(usage.share()).toBe(3 / 8);
    expect(() => usage.add([9, 0, 10, 13, 11])).toThrow("expected 6 an image, got 5");
    expect(() => usage.add([10, 0, 10, 13, 11, 13])).toThrow("10 at index 0 is outside [0, 10)");
    expect(() => usage.add([9, 0, 9, 13, 11, 13])).toThrow("9 at index 2 is outside [10, 14)");
    expect(() => new CodeUsage({ ...layout, codebooks: 0 })).toThrow("codebooks: expected a whole number");
  });

  it("counts the codebook's part of a code that holds a color too", () => {
    const usage = new CodeUsage({
      ...{ codesPerImage: 4, codebooks: 1, codebookSize: 4 },
      ...{ paletteCodes: 2, paletteSize: 10, palettePlace: "within" },
    });
    usage.add([9 * 4 + 1, 0 * 4 + 1, 3, 3]);
    expect([...usage.counts]).toEqual([0, 2, 0, 2]);
    expect(() => usage.add([40, 0, 0, 0])).toThrow("40 at index 0 is outside [0, 40)");
    expect(() => usage.add([0, 0, 4, 0])).toThrow("4 at index 2 is outside [0, 4)");
  });

  it("refuses a code outside the codebook and counts nothing then", () => {
    const usage = new CodeUsage(4);
    expect(() => usage.add([1, 4])).toThrow(ShapeError);
    expect(() => usage.add([-1])).toThrow("-1 at index 0 is outside [0, 4)");
    expect(usage.share()).toBe(0);
    expect(() => new CodeUsage(0)).toThrow(ConfigError);
  });
});

describe("reconstructionMetrics", () => {
  const batch = (values: number[], maxValue = 3): ImageBatch => ({
    data: Uint8Array.from(values),
    count: 1,
    height: 2,
    width: 2,
    channels: 1,
    maxValue,
  });

  it("compares level by level", () => {
    const metrics = reconstructionMetrics(batch([0, 1, 2, 3]), batch([0, 1, 3, 0]));
    expect(metrics.exactLevelAccuracy).toBe(0.5);
    expect(metrics.meanSquaredError).toBeCloseTo((1 / 9 + 1) / 4, 12);
    // Levels 0 to 3 are the bytes 0, 85, 170 and 255.
    expect(metrics.peakSignalToNoiseRatio).toBeCloseTo(10 * Math.log10((4 * 255 ** 2) / (85 ** 2 + 255 ** 2)), 12);
  });

  it("rounds levels to bytes for the peak signal-to-noise ratio, which has no bound", () => {
    // Of 8 levels, 1 and 2 are the bytes 36 and 73.
    const { peakSignalToNoiseRatio } = reconstructionMetrics(batch([1, 0, 0, 0], 7), batch([2, 0, 0, 0], 7));
    expect(peakSignalToNoiseRatio).toBeCloseTo(10 * Math.log10((4 * 255 ** 2) / 37 ** 2), 12);
    const same = batch([0, 1, 2, 3]);
    expect(reconstructionMetrics(same, same).peakSignalToNoiseRatio).toBe(Number.POSITIVE_INFINITY);
  });

  it("refuses batches that do not compare", () => {
    expect(() => reconstructionMetrics(batch([0, 1, 2, 3]), batch([0, 1, 2, 3], 4))).toThrow("maxValue 3");
    const empty = { ...batch([]), count: 0 };
    expect(() => reconstructionMetrics(empty, empty)).toThrow("at least one image");
  });
});
