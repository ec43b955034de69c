import { ConfigError, ShapeError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { batchOf, bytes } from "./numbers.fixture.js";
import { psnr } from "./psnr.js";
import { ssim } from "./ssim.js";

const shape = [2, 13, 14, 3];
const images = batchOf(bytes(1092, 1), shape);
const noise = bytes(1092, 2);
const reconstructions = batchOf(
  images.data.map((level, i) => Math.min(255, Math.floor(level / 2) + Math.floor(noise[i]! / 3))),
  shape,
);

describe("psnr", () => {
  it("is that of the error over all pixels, not the mean of the images' ratios", () => {
    // By NumPy; the mean of the two images' ratios is 14.64831.
    expect(psnr(images, reconstructions)).toBeCloseTo(14.643314717129876, 10);
    expect(psnr(images, images)).toBe(Number.POSITIVE_INFINITY);
  });

  it("rounds levels to bytes", () => {
    const levels = (data: number[]) => ({ ...batchOf(Uint8Array.from(data), [1, 1, 2, 1]), maxValue: 7 });
    // Of 8 levels, 1 and 2 are the bytes 36 and 73.
    expect(psnr(levels([1, 0]), levels([2, 0]))).toBeCloseTo(10 * Math.log10((2 * 255 ** 2) / 37 ** 2), 12);
  });

  it("refuses batches that do not compare", () => {
    expect(() => psnr(images, { ...reconstructions, height: 14, width: 13 })).toThrow(ShapeError);
    const none = batchOf(new Uint8Array(), [0, 13, 14, 3]);
    expect(() => psnr(none, none)).toThrow(/at least one image/);
  });
});

describe("ssim", () => {
  it("is what NumPy computes window by window", () => {
    expect(ssim(images, reconstructions)).toBeCloseTo(0.7496425831058696, 12);
    expect(ssim(images, reconstructions, { channels: "luma" })).toBeCloseTo(0.7597479861480498, 12);
  });

  it("is 1 for equal images, and symmetric", () => {
    expect(ssim(images, images)).toBeCloseTo(1, 12);
    expect(ssim(reconstructions, images)).toBeCloseTo(ssim(images, reconstructions), 12);
  });

  it("compares two flat images by their luminance alone", () => {
    const flat = (level: number) => batchOf(new Uint8Array(121).fill(level), [1, 11, 11, 1]);
    const c1 = 2.55 ** 2;
    expect(ssim(flat(100), flat(200))).toBeCloseTo((2 * 100 * 200 + c1) / (100 ** 2 + 200 ** 2 + c1), 10);
  });

  it("refuses images smaller than a window, gray images for luma, and unknown options", () => {
    const small = batchOf(new Uint8Array(110), [1, 10, 11, 1]);
    expect(() => ssim(small, small)).toThrow(/at least 11 × 11 pixels, got 10 × 11/);
    const gray = batchOf(new Uint8Array(121), [1, 11, 11, 1]);
    expect(() => ssim(gray, gray, { channels: "luma" })).toThrow(ShapeError);
    expect(() => ssim(gray, gray, { chanels: "luma" } as never)).toThrow(ConfigError);
  });
});
