import { ConfigError, ShapeError } from "@mmgen/core";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { imagesPng } from "./images-png.js";

/** Images of one row of two pixels, each with its levels, 0 to 3. */
const rows = (...levels: number[]) => ({
  ...{ data: Uint8Array.from(levels), count: levels.length / 2 },
  ...{ height: 1, width: 2, channels: 1, maxValue: 3 },
});

describe("imagesPng", () => {
  it("writes one image as it is, or each pixel as a square", () => {
    expect(decode(imagesPng(rows(0, 1), { scale: 1 }))).toMatchObject({ width: 2, height: 1, channels: 1 });
    const { data, width } = decode(imagesPng(rows(1, 2), { scale: 2 }));
    expect([width, ...data]).toEqual([4, 85, 85, 170, 170, 85, 85, 170, 170]);
    // Of about 128 pixels where nothing is said.
    expect(decode(imagesPng(rows(1, 2)))).toMatchObject({ width: 128, height: 64 });
  });

  it("puts images side by side in rows, with white between them", () => {
    const { data, height, width } = decode(imagesPng(rows(0, 0, 1, 1, 2, 2), { columns: 2, scale: 1 }));
    expect([width, height]).toEqual([8, 6]);
    const row = (y: number) => [...data.subarray(8 * y, 8 * y + 8)];
    expect(row(0)).toEqual([0, 0, 255, 255, 255, 255, 85, 85]);
    expect(row(1)).toEqual(new Array(8).fill(255));
    expect(row(5)).toEqual([170, 170, ...new Array(6).fill(255)]);
    const color = { data: Uint8Array.of(3, 0, 1), count: 1, height: 1, width: 1, channels: 3, maxValue: 3 };
    expect(decode(imagesPng(color, { scale: 1 }))).toMatchObject({ channels: 3, data: Uint8Array.of(255, 0, 85) });
  });

  it("refuses what is no image, and images too large to open", () => {
    expect(() => imagesPng(rows())).toThrow(ShapeError);
    expect(() => imagesPng({ ...rows(0, 1), channels: 2, width: 1 })).toThrow(ShapeError);
    expect(() => imagesPng(rows(0, 1), { scale: 20_000 })).toThrow(ConfigError);
  });
});
