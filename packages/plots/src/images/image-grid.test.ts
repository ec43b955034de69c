import { ConfigError, type ImageBatch, ShapeError } from "@mmgen/core";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { rasterize } from "../svg/rasterize.js";
import { margin } from "../svg/svg.js";
import { imageGrid } from "./image-grid.js";

/** Four 2 × 2 images whose every pixel differs from its neighbors; levels 0 … 3. */
const images: ImageBatch = {
  data: Uint8Array.from({ length: 4 * 2 * 2 * 3 }, (_, i) => (i * 7 + (i >> 2)) % 4),
  count: 4,
  height: 2,
  width: 2,
  channels: 3,
  maxValue: 3,
};
const scale = 60;
const captions = ["dark green eigth on bright cyan", "", "x", "y"];

async function draw(options: Partial<Parameters<typeof imageGrid>[0]> = {}, pixelRatio = 1) {
  const png = decode(await rasterize(imageGrid({ images, scale, ...options }), { pixelRatio }));
  const at = (x: number, y: number) => [...png.data.subarray((y * png.width + x) * png.channels).subarray(0, 3)];
  const ink = (left: number, top: number, right: number, bottom: number) => {
    let count = 0;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        count += at(x, y)[0]! < 128 ? 1 : 0;
      }
    }
    return count;
  };
  return { ...png, at, ink };
}

describe("imageGrid", () => {
  it.each([1, 2])("draws every pixel of every image exactly, at pixel ratio %i", async (pixelRatio) => {
    const { at, width, height } = await draw({}, pixelRatio);
    const side = 2 * scale;
    expect([width, height]).toEqual(
      [2 * margin + 2 * side + 22, 2 * margin + 2 * side + 22].map((n) => n * pixelRatio),
    );
    for (let index = 0; index < 4; index++) {
      const left = (margin + (index % 2) * (side + 22)) * pixelRatio;
      const top = (margin + Math.floor(index / 2) * (side + 22)) * pixelRatio;
      for (let y = 0; y < side * pixelRatio; y++) {
        for (let x = 0; x < side * pixelRatio; x++) {
          const row = Math.floor(y / (scale * pixelRatio));
          const column = Math.floor(x / (scale * pixelRatio));
          const from = ((index * 2 + row) * 2 + column) * 3;
          const expected = [...images.data.subarray(from, from + 3)].map((level) => level * 85);
          if (at(left + x, top + y).join() !== expected.join()) {
            expect.fail(`image ${index}, (${x}, ${y}): ${at(left + x, top + y)}, expected ${expected}`);
          }
        }
      }
    }
  });

  it("draws captions beneath their images and nowhere else", async () => {
    const { ink, height } = await draw({ captions });
    const top = margin + 120 + 4;
    expect(ink(margin, top, margin + 120, top + 40)).toBeGreaterThan(150);
    // The second image's caption is empty.
    expect(ink(margin + 142, top, margin + 262, top + 40)).toBe(0);
    // The first caption takes two lines in its row; one line suffices in the second row.
    expect(height).toBe(margin + 120 + 9 + 2 * 17 + 22 + 120 + 9 + 17 + margin);
  });

  it("marks correct and wrong before the caption, and nothing for undefined", async () => {
    const svg = imageGrid({ images, scale, captions, marks: [true, false, undefined, true] });
    expect(svg.match(/<title>correct<\/title>/g)).toHaveLength(2);
    expect(svg.match(/<title>wrong<\/title>/g)).toHaveLength(1);
    const { at } = await draw({ marks: [true, undefined, undefined, undefined] });
    const colors = new Set<string>();
    for (let y = margin + 122; y < margin + 145; y++) {
      for (let x = margin; x < margin + 14; x++) {
        colors.add(at(x, y).join());
      }
    }
    expect(colors).toContain("31,122,77");
  });

  it("sets a title and a subtitle above, and paints a dark background", async () => {
    const { ink } = await draw({ title: "Drawn", subtitle: "seed 7" });
    expect(ink(margin, margin, margin + 120, margin + 20)).toBeGreaterThan(80);
    expect(ink(margin, margin + 24, margin + 120, margin + 44)).toBeGreaterThan(10);
    expect((await draw({ theme: "dark" })).at(2, 2)).toEqual([0x16, 0x19, 0x1d]);
  });

  it("escapes captions and titles", () => {
    const hostile = `</title><script>alert("1")</script>&'\u0000\u001b`;
    const svg = imageGrid({ images, title: hostile, captions: [hostile, "", "", ""] });
    for (const part of ["<script", 'alert("', "\u0000", "\u001b"]) {
      expect(svg).not.toContain(part);
    }
    expect(svg).toContain("&#60;script&#62;");
  });

  it("is a pure function of its options", async () => {
    const options = { images, captions, title: "Twice", marks: [true, false, undefined, true] };
    expect(imageGrid(options)).toBe(imageGrid(options));
    expect(await rasterize(imageGrid(options))).toEqual(await rasterize(imageGrid(options)));
  });

  it.each([
    ["an empty batch", { images: { ...images, data: new Uint8Array(0), count: 0 } }, ShapeError, /at least one image/],
    ["a ragged batch", { images: { ...images, data: images.data.subarray(1) } }, ShapeError, /expected 48 values.*47/],
    ["a level out of range", { images: { ...images, maxValue: 2 } }, ShapeError, /above maxValue/],
    ["two channels", { images: { ...images, count: 6, channels: 2 } }, ShapeError, /1 channel .* or 3/],
    [
      "too few captions",
      { images, captions: ["one"] },
      ShapeError,
      /captions: expected one for each of 4 images, got 1/,
    ],
    [
      "too many marks",
      { images, marks: Array(5).fill(true) },
      ShapeError,
      /marks: expected one for each of 4 images, got 5/,
    ],
    ["a broken scale", { images, scale: 1.5 }, ConfigError, /scale.*1\.5/],
    ["no columns", { images, columns: 0 }, ConfigError, /columns/],
    ["an unknown theme", { images, theme: "sepia" as never }, ConfigError, /"light" or "dark".*sepia/],
  ])("refuses %s", (_, options, kind, message) => {
    expect(() => imageGrid(options)).toThrow(message);
    expect(() => imageGrid(options)).toThrow(kind);
  });
});
