import { type ImageBatch, ShapeError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { completionRows } from "./completion-rows.js";
import { drawnImages } from "./drawn-images.fixture.js";
import { maskedImages } from "./masked-images.js";

const flat = (levels: readonly number[]): ImageBatch => ({
  data: Uint8Array.from(levels.flatMap((level) => Array(4).fill(level))),
  ...{ count: levels.length, height: 2, width: 2, channels: 1, maxValue: 255 },
});

describe("completionRows", () => {
  const original = flat([10, 20]);
  const kept = flat([11, 21]);

  it("sets each original's completions below it, those of one label numbered", () => {
    const completions = [
      { label: "one by one", images: flat([30, 31, 32, 40, 41, 42]) },
      { label: "", images: flat([50, 60]) },
    ];
    const drawn = drawnImages(completionRows({ original, kept, completions }));
    const [left, right] = [0, 1].map((column) => drawn.filter((_, i) => i % 2 === column));
    expect(left!.map(({ levels }) => levels[0])).toEqual([10, 11, 30, 31, 32, 50]);
    expect(right!.map(({ levels }) => levels[0])).toEqual([20, 21, 40, 41, 42, 60]);
    expect(new Set(left!.map(({ x }) => x)).size).toBe(1);
    expect(left!.map(({ title }) => title.replace(/ 1$/, ""))).toEqual([
      ...["original", "kept", "one by one 1", "one by one 2", "one by one 3", "1"],
    ]);
  });

  it("refuses what are not as many completions of each, and other sizes", () => {
    const draw = (images: ImageBatch) => completionRows({ original, kept, completions: [{ label: "a", images }] });
    expect(() => draw(flat([1, 2, 3]))).toThrow(/as many of each of 2 originals, got 3 images/);
    expect(() => draw({ ...flat([1, 2]), height: 1, width: 4 })).toThrow(ShapeError);
  });
});

describe("maskedImages", () => {
  it("grays the pixels of masked cells, of all images or of each, and no others", () => {
    const images = { ...flat([9, 9, 9, 9, 8, 8, 8, 8]), count: 2, height: 4, width: 4, maxValue: 200 };
    const grid = { height: 2, width: 2 };
    const row = (level: number, right = level) => [level, level, right, right];
    const each = maskedImages(images, { grid, masked: Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 1) });
    expect([...each.data]).toEqual([
      ...[...row(9, 100), ...row(9, 100), ...row(9), ...row(9)],
      ...[...row(8), ...row(8), ...row(8, 100), ...row(8, 100)],
    ]);
    const all = maskedImages(images, { grid, masked: Uint8Array.of(0, 0, 1, 1), gray: 0 });
    expect([...all.data]).toEqual([
      ...row(9),
      ...row(9),
      ...row(0),
      ...row(0),
      ...row(8),
      ...row(8),
      ...row(0),
      ...row(0),
    ]);
    expect(images.data[2]).toBe(9);
  });

  it("takes cells that do not divide the image, by the corner of each pixel, and all channels", () => {
    const images = { ...flat([7]), height: 1, width: 2, channels: 1, data: Uint8Array.of(7, 7) };
    const three = { ...images, width: 5, channels: 3, data: new Uint8Array(15).fill(7) };
    const { data } = maskedImages(three, { grid: { height: 1, width: 2 }, masked: Uint8Array.of(0, 1), gray: 1 });
    // The third pixel's corner, at 2/5, is in the left half.
    expect([...data]).toEqual([...Array(9).fill(7), ...Array(6).fill(255)]);
    const masked = new Uint8Array(3);
    expect(() => maskedImages(images, { grid: { height: 1, width: 2 }, masked })).toThrow(
      /one value a cell, 2 for all/,
    );
  });
});
