import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, Random, ShapeError } from "@mmgen/core";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { rasterizePixels } from "../svg/rasterize.js";
import { encodeGif, type GifOptions } from "./gif.js";
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
  expect(() => encodeGif(undefined as never)).toThrow(/a list of at least one frame, got undefined/);
  expect(() => encodeGif([flat([0, 0, 0]), flat([0, 0, 0], 4)])).toThrow(/3×2.*4×2 at index 1/);
  expect(() => encodeGif([flat([0, 0, 0])], { frameMilliseconds: 0 })).toThrow(ConfigError);
  expect(() => encodeGif([flat([0, 0, 0])], { lastMilliseconds: 655_351 })).toThrow(ConfigError);
});

it.each<[string, Partial<Record<keyof PixelImage, unknown>>]>([
  ["width must be a whole number from 1 to 65535 pixels, got 65536", { width: 65_536, height: 1 }],
  ["width must be a whole number from 1 to 65535 pixels, got 2.5", { width: 2.5 }],
  ["height must be a whole number from 1 to 65535 pixels, got 0", { height: 0, data: new Uint8Array(0) }],
  ["expected 18 values (count 1 × height 2 × width 3 × channels 3), got 17", { data: new Uint8Array(17) }],
  ["data must be a Uint8Array, got", { data: new Uint16Array(18) }],
  ["expected 1 channel (gray) or 3 (RGB), got 4", { channels: 4, data: new Uint8Array(24) }],
])("a frame that no GIF can hold is refused: %s", (message, wrong) => {
  const frames = [flat([0, 0, 0]), { ...flat([0, 0, 0]), ...wrong } as PixelImage];
  expect(() => encodeGif(frames)).toThrow(`encodeGif: frame 1: ${message}`);
  expect(() => encodeGif(frames)).toThrow(ShapeError);
});

describe("times", () => {
  const timesOf = (options: GifOptions) => delays(encodeGif([flat([0, 0, 0]), flat([1, 1, 1])], options));

  it("are hundredths of a second, at least one and at most 65 535", () => {
    expect(timesOf({ frameMilliseconds: 4 })).toEqual([1, 2]);
    expect(timesOf({ frameMilliseconds: 0.001, lastMilliseconds: 1 })).toEqual([1, 1]);
    expect(timesOf({ frameMilliseconds: 14, lastMilliseconds: 15 })).toEqual([1, 2]);
    expect(timesOf({ frameMilliseconds: 300_000 })).toEqual([30_000, 65_535]);
    expect(timesOf({ frameMilliseconds: 655_350 })).toEqual([65_535, 65_535]);
  });
});

describe("colors", () => {
  /** The frames as another decoder, that of libvips, shows them: RGB, one after the other. */
  const shown = async (frames: readonly PixelImage[]): Promise<Uint8Array> =>
    sharp(encodeGif(frames), { animated: true }).removeAlpha().toColorspace("srgb").raw().toBuffer();
  const rgb = (...images: readonly PixelImage[]): number[] =>
    images.flatMap(({ data, channels }) =>
      channels === 3 ? [...data] : [...data].flatMap((gray) => [gray, gray, gray]),
    );
  const image = (data: readonly number[], channels: 1 | 3 = 3, height = 1): PixelImage => ({
    data: Uint8Array.from(data),
    width: data.length / channels / height,
    height,
    channels,
  });

  it("are exact where all frames have at most 256 of them together", async () => {
    const grays = image(
      Array.from({ length: 256 }, (_, i) => i),
      1,
    );
    expect([...(await shown([grays]))]).toEqual(rgb(grays));
    const near = image([0, 0, 0, 4, 2, 4]);
    expect([...(await shown([near]))]).toEqual(rgb(near));
    const halves = [0, 1].map((half) => image(rgb(grays).map((level) => (level % 2 === half ? level : 0))));
    expect([...(await shown(halves))]).toEqual(rgb(...halves));
  });

  it("are exact in each frame of at most 256, whatever the others have", async () => {
    const random = Random.fromSeed(1);
    const frames = [256, 3, 300, 256].map((colors, i) =>
      image(Array.from({ length: 300 * 3 }, (_, at) => (Math.floor(at / 3) % colors) * (i + 1) * (1 + (at % 3)))),
    );
    const noise = image(Array.from({ length: 300 * 3 }, () => random.integer(256)));
    const all = [...frames, noise];
    const seen = [...(await shown(all))];
    const right = rgb(...all);
    for (const i of [0, 1, 3]) {
      expect(seen.slice(i * 900, (i + 1) * 900)).toEqual(right.slice(i * 900, (i + 1) * 900));
    }
  });

  it("are exact in frames of every size and number of colors, long ones among them", async () => {
    const random = Random.fromSeed(7);
    for (let round = 0; round < 60; round++) {
      const isLong = round === 0;
      const height = isLong ? 200 : 1 + random.integer(20);
      const width = isLong ? 200 : 1 + random.integer(40);
      const channels = random.integer(2) === 0 ? 1 : 3;
      const colors = isLong ? 256 : 1 + random.integer(256);
      const frames = Array.from({ length: isLong ? 1 : 1 + random.integer(4) }, () => {
        const palette = Array.from({ length: colors }, () => [0, 1, 2].map(() => random.integer(256)));
        const pixels = Array.from({ length: height * width }, () =>
          palette[random.integer(colors)]!.slice(0, channels),
        );
        return image(pixels.flat(), channels, height);
      });
      expect(Buffer.compare(await shown(frames), Buffer.from(rgb(...frames))), `round ${round}`).toBe(0);
    }
  });

  it("beyond 256 are near, and the same in every frame", async () => {
    // A gray ramp and one red: 257 colors, of which two have to share.
    const ramp = image(
      rgb(
        image(
          Array.from({ length: 256 }, (_, i) => i),
          1,
        ),
      ).concat([255, 0, 0]),
    );
    const seen = await shown([ramp]);
    expect(Math.max(...rgb(ramp).map((level, i) => Math.abs(level - seen[i]!)))).toBe(1);

    // Two halves of a cube of 16³ colors, 512 of them in both frames.
    const cube = (first: number) =>
      image(
        Array.from({ length: 9 * 16 * 16 * 3 }, (_, i) => {
          const color = Math.floor(i / 3);
          const levels = [first + Math.floor(color / 256), Math.floor(color / 16) % 16, color % 16];
          return levels[i % 3]! * 17;
        }),
        3,
        9,
      );
    const frames = [cube(0), cube(7)];
    const near = await shown(frames);
    const errors = rgb(...frames).map((level, i) => level - near[i]!);
    // 256 equal cubes in a cube of 256³ have sides of 40.3, and a deviation of 40.3 / √12 = 11.6.
    expect(Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length)).toBeLessThan(11.6 * 1.15);
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(41);
    const shared = 2 * 256 * 3;
    const length = frames[0]!.data.length;
    expect(near.subarray(length - shared, length)).toEqual(near.subarray(length, length + shared));
  });
});
