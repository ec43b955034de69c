import { type ImageBatch, ShapeError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { animateImages } from "./animate-images.js";
import { contactSheet } from "./contact-sheet.js";
import { drawnImages } from "./drawn-images.fixture.js";
import { filmStrip } from "./film-strip.js";
import { encodeGif } from "./gif.js";

/** Two images, of which frame `i` shows the levels `i` and `100 + i`. */
const frame = (i: number): ImageBatch => ({
  data: Uint8Array.of(i, i, 100 + i, 100 + i),
  ...{ count: 2, height: 1, width: 2, channels: 1, maxValue: 255 },
});
const frames = Array.from({ length: 11 }, (_, i) => ({ label: `round ${i}`, images: frame(i) }));

describe("filmStrip", () => {
  it("shows each image's first and last frame and even steps between, labels above", () => {
    const svg = filmStrip({ frames, columns: 5 });
    const drawn = drawnImages(svg);
    expect(drawn.map(({ levels }) => levels[0])).toEqual([0, 3, 5, 8, 10, 100, 103, 105, 108, 110]);
    expect(new Set(drawn.map(({ y }) => y)).size).toBe(2);
    const labels = Array.from(svg.matchAll(/x="([\d.]+)" y="([\d.]+)"[^>]*>round (\d+)</g), ([, x, y, round]) => ({
      ...{ x: Number(x), y: Number(y), round: Number(round) },
    }));
    expect(labels.map(({ round }) => round)).toEqual([0, 3, 5, 8, 10]);
    for (const [i, { x, y }] of labels.entries()) {
      expect(x).toBeGreaterThan(drawn[i]!.x);
      expect(x).toBeLessThan(drawn[i + 1]!.x + (i === 4 ? 1e4 : 0));
      expect(y).toBeLessThan(drawn[i]!.y);
    }
  });

  it("shows all of fewer frames, and the last where there is room for one", () => {
    const levels = (columns: number, count: number) =>
      drawnImages(filmStrip({ frames: frames.slice(0, count), columns })).map(({ levels }) => levels[0]);
    expect(levels(8, 2)).toEqual([0, 1, 100, 101]);
    expect(levels(1, 11)).toEqual([10, 110]);
  });

  it("refuses frames of other images", () => {
    const other = { images: { ...frame(0), count: 1, width: 4 } };
    expect(() => filmStrip({ frames: [...frames, other] })).toThrow(ShapeError);
  });
});

it("animateImages makes a frame of each batch's contact sheet", () => {
  const batches = [frame(1), frame(2)];
  const options = { columns: 1, scale: 3, gap: 1 };
  const sheets = batches.map((images) => contactSheet(images, options));
  expect(animateImages(batches, { ...options, frameMilliseconds: 100 })).toEqual(
    encodeGif(sheets, { frameMilliseconds: 100 }),
  );
  expect(() => animateImages([frame(1), { ...frame(2), count: 1, width: 4 }])).toThrow(ShapeError);
});
