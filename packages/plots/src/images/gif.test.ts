import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, ShapeError } from "@mmgen/core";
import { expect, it } from "vitest";
import { rasterizePixels } from "../svg/rasterize.js";
import { encodeGif } from "./gif.js";
import type { PixelImage } from "./pixels.js";
import { writeGif } from "./write-images.js";

const flat = (color: readonly number[], width = 3, height = 2): PixelImage => ({
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => color[i % 3]!),
  width,
  height,
  channels: 3,
});

/** Delays of the frames, in hundredths of a second: a graphic control extension is 0x21 0xf9 4 flags delay. */
function delays(gif: Uint8Array): number[] {
  const found: number[] = [];
  for (let i = 0; i + 6 < gif.length; i++) {
    if (gif[i] === 0x21 && gif[i + 1] === 0xf9 && gif[i + 2] === 4) {
      found.push(gif[i + 4]! + 256 * gif[i + 5]!);
    }
  }
  return found;
}

it("an animation has its size, its frames with their times, its colors, and repeats forever", () => {
  const gif = encodeGif([flat([255, 0, 0]), flat([0, 0, 255])], { frameMilliseconds: 250 });
  expect(String.fromCharCode(...gif.subarray(0, 6))).toBe("GIF89a");
  expect([gif[6], gif[8]]).toEqual([3, 2]);
  expect(delays(gif)).toEqual([25, 100]);
  expect(String.fromCharCode(...gif)).toContain("NETSCAPE2.0\x03\x01\x00\x00");
  const bytes = [...gif].join();
  expect(bytes).toContain("255,0,0");
  expect(bytes).toContain("0,0,255");
});

it("gray frames and SVG frames are frames too", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mmgen-gif-"));
  try {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2"><rect width="3" height="2" fill="#123456"/></svg>`;
    const gray: PixelImage = { data: Uint8Array.of(9, 9, 9, 9, 9, 9), width: 3, height: 2, channels: 1 };
    const bytes = await writeGif(join(folder, "a.gif"), [svg, gray], { pixelRatio: 1 });
    expect(new Uint8Array(await readFile(join(folder, "a.gif")))).toEqual(new Uint8Array(bytes));
    expect(delays(bytes)).toEqual([50, 200]);
    // The color as the palette of 256 that fits it best has it.
    expect([...bytes].join()).toContain(`${0x12},${0x34},${0x56}`);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it("half transparent pixels become half white", async () => {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><rect width="1" height="1" fill="#ff0000" fill-opacity="0.5"/></svg>`;
  const { data } = await rasterizePixels(svg, { pixelRatio: 1 });
  // Half of 255 is rounded either way.
  expect(data[0]).toBe(255);
  expect(Math.abs(data[1]! - 127.5)).toBeLessThan(1);
});

it("no frames, frames of several sizes and times out of range are refused", () => {
  expect(() => encodeGif([])).toThrow(ShapeError);
  expect(() => encodeGif([flat([0, 0, 0]), flat([0, 0, 0], 4)])).toThrow(/3×2.*4×2 at index 1/);
  expect(() => encodeGif([flat([0, 0, 0])], { frameMilliseconds: 0 })).toThrow(ConfigError);
});
