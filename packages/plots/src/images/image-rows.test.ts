import { ConfigError, type ImageBatch, ShapeError } from "@mmgen/core";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { rasterize } from "../svg/rasterize.js";
import { imageRows, reconstructionGrid } from "./image-rows.js";

const flat = (levels: readonly number[], side = 2): ImageBatch => ({
  data: Uint8Array.from(levels.flatMap((level) => Array(side * side).fill(level))),
  count: levels.length,
  height: side,
  width: side,
  channels: 1,
  maxValue: 255,
});

describe("imageRows", () => {
  it("sets rows below each other, column by column, and starts again below", async () => {
    const rows = [
      { label: "", images: flat([10, 20, 30]) },
      { label: "", images: flat([40, 50, 60]) },
    ];
    const png = decode(await rasterize(imageRows({ rows, scale: 10, columns: 2 }), { pixelRatio: 1 }));
    const seen: number[][] = [];
    // Row pitch 20 + 8, a further 22 − 8 between blocks; column pitch 20 + 8; margin 24.
    for (const y of [34, 62, 104, 132]) {
      seen.push([34, 62].map((x) => png.data[(y * png.width + x) * png.channels]!));
    }
    expect(seen).toEqual([
      [10, 20],
      [40, 50],
      [30, 255],
      [60, 255],
    ]);
    expect([png.width, png.height]).toEqual([24 + 48 + 24, 24 + 2 * 20 + 8 + 22 + 2 * 20 + 8 + 24]);
  });

  it("refuses no rows, and rows that differ in count or size", () => {
    const images = flat([1, 2]);
    expect(() => imageRows({ rows: [] })).toThrow(ConfigError);
    for (const other of [flat([1]), flat([1, 2], 3)]) {
      expect(() => reconstructionGrid({ original: images, reconstruction: other })).toThrow(ShapeError);
    }
    expect(() => reconstructionGrid({ original: flat([]), reconstruction: flat([]) })).toThrow(/at least one image/);
  });
});

it("reconstructionGrid labels both rows with ink at their left", async () => {
  const svg = reconstructionGrid({ original: flat([9]), reconstruction: flat([8]), scale: 20, title: "" });
  expect(svg).toContain(">original</text>");
  expect(svg).toContain(">reconstruction</text>");
  const png = decode(await rasterize(svg, { pixelRatio: 1 }));
  for (const top of [24, 72]) {
    let ink = 0;
    for (let y = top; y < top + 40; y++) {
      for (let x = 24; x < 64; x++) {
        ink += png.data[(y * png.width + x) * png.channels]! < 160 ? 1 : 0;
      }
    }
    expect(ink).toBeGreaterThan(30);
  }
});
