import { ConfigError, type ImageBatch, ShapeError } from "@mmgen/core";
import { decode } from "fast-png";
import { expect, it } from "vitest";
import { contactSheet } from "./contact-sheet.js";
import { imageGrid } from "./image-grid.js";
import { imageRows } from "./image-rows.js";
import { encodePng, imagePixels, type PixelImage } from "./pixels.js";

const digits: ImageBatch = {
  data: Uint8Array.from({ length: 3 * 28 * 28 * 3 }, (_, i) => (i * 13) % 4),
  count: 3,
  height: 28,
  width: 28,
  channels: 3,
  maxValue: 3,
};

it("a single image becomes a PNG of exactly its pixels", () => {
  const png = decode(encodePng(imagePixels(digits, 1)));
  expect([png.width, png.height, png.channels, png.depth]).toEqual([28, 28, 3, 8]);
  const levels = digits.data.subarray(28 * 28 * 3, 2 * 28 * 28 * 3);
  expect([...png.data]).toEqual([...levels].map((level) => level * 85));
});

it("levels go to display levels by rounding, gray stays one channel", () => {
  const gray: ImageBatch = { data: Uint8Array.of(0, 1, 3, 7), count: 1, height: 2, width: 2, channels: 1, maxValue: 7 };
  // 255 / 7 = 36.43, 3 · 255 / 7 = 109.29
  expect(imagePixels(gray, 0)).toEqual({ data: Uint8Array.of(0, 36, 109, 255), width: 2, height: 2, channels: 1 });
});

it("scaling repeats pixels and smooths nothing", () => {
  const gray: ImageBatch = { data: Uint8Array.of(0, 1, 1, 0), count: 1, height: 2, width: 2, channels: 1, maxValue: 1 };
  const { data, width, height } = imagePixels(gray, 0, 3);
  expect([width, height]).toEqual([6, 6]);
  for (let y = 0; y < 6; y++) {
    for (let x = 0; x < 6; x++) {
      expect(data[y * 6 + x]).toBe(x < 3 === y < 3 ? 0 : 255);
    }
  }
});

it("a contact sheet holds all images in reading order between its gaps", () => {
  const { data, width, height } = contactSheet(digits, { columns: 2, scale: 1, gap: 1, background: 128 });
  expect([width, height]).toEqual([1 + 2 * 29, 1 + 2 * 29]);
  const at = (x: number, y: number) => [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
  for (let index = 0; index < 3; index++) {
    const corner = [...imagePixels(digits, index).data.subarray(0, 3)];
    expect(at(1 + (index % 2) * 29, 1 + Math.floor(index / 2) * 29)).toEqual(corner);
  }
  expect(at(0, 0)).toEqual([128, 128, 128]);
  expect(at(40, 40)).toEqual([128, 128, 128]);
});

it("wrong input is refused with a typed error", () => {
  expect(() => imagePixels(digits, 3)).toThrow(ShapeError);
  expect(() => imagePixels(digits, 0.5)).toThrow(ShapeError);
  expect(() => imagePixels(digits, 0, 0)).toThrow(ConfigError);
  expect(() => imagePixels({ ...digits, count: 2 }, 0)).toThrow(ShapeError);
  expect(() => contactSheet({ ...digits, data: new Uint8Array(0), count: 0 })).toThrow(ShapeError);
  expect(() => imagePixels(digits, 0, 2 ** 20)).toThrow(/scale: expected an image of at most 268435456 pixels/);
  expect(() => imageGrid({ images: digits, scale: 2 ** 20 })).toThrow(ConfigError);
  expect(() => imageRows({ rows: [{ label: "a", images: digits }], scale: 2 ** 20 })).toThrow(ConfigError);
  expect(() => contactSheet(digits, { columns: 1e9 })).toThrow(/columns, scale and gap: expected an image of at most/);
  expect(() => contactSheet(digits, { gap: -1 })).toThrow(ConfigError);
  expect(() => contactSheet(digits, { background: 300 })).toThrow(ConfigError);
});

it("an image that no PNG can hold is refused", () => {
  const image: PixelImage = { data: new Uint8Array(6), width: 2, height: 1, channels: 3 };
  const wrong = (change: object) => () => encodePng({ ...image, ...change });
  expect(() => encodePng(image)).not.toThrow();
  expect(wrong({ data: new Uint8Array(0), width: 0, height: 0 })).toThrow(ShapeError);
  expect(wrong({ data: new Uint8Array(0), width: 0, height: 0 })).toThrow(/width must be a whole number from 1/);
  expect(wrong({ width: 2.5 })).toThrow(/got 2\.5/);
  expect(wrong({ width: 3 })).toThrow(/expected 9 values \(count 1 × height 1 × width 3 × channels 3\), got 6/);
  expect(wrong({ channels: 4 })).toThrow(/expected 1 channel \(gray\) or 3 \(RGB\), got 4/);
  expect(wrong({ data: [0, 0, 0, 0, 0, 0] })).toThrow(/data must be a Uint8Array/);
  expect(() => encodePng(undefined as never)).toThrow(ShapeError);
});
