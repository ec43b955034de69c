import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits, Random } from "@mmgen/core";
import { afterAll, describe, expect, it } from "vitest";
import { ImageDecoder, type ImageForm } from "../folders/image-decoder.js";
import { readImages } from "../folders/read-images.js";
import { type PngForm, png } from "./png.fixture.js";

const folder = mkdtempSync(join(tmpdir(), "mmgen-png-"));
afterAll(() => rmSync(folder, { recursive: true }));

const background = [10, 20, 30] as const;
const [width, height] = [7, 5];
const random = Random.fromSeed(3);
const samplesOf = (length: number, below: number) => Array.from({ length }, () => random.integer(below));

interface Case extends PngForm {
  readonly name: string;
  /** Red, green, blue and alpha of each pixel, 0..1. */
  readonly colors: readonly (readonly number[])[];
}

/** Every color type, depth and way of being transparent, plain and interlaced, with all filters. */
const cases: Case[] = [0, 2, 3, 4, 6].flatMap((colorType) =>
  (({ 0: [1, 2, 4, 8, 16], 3: [1, 2, 4, 8] })[colorType] ?? [8, 16]).flatMap((bits) =>
    [false, true].flatMap((isInterlaced) =>
      (colorType < 4 ? [false, true] : [false]).map((hasKey) => makeCase({ colorType, bits, isInterlaced, hasKey })),
    ),
  ),
);

function makeCase(kind: { colorType: number; bits: number; isInterlaced: boolean; hasKey: boolean }): Case {
  const { colorType, bits, isInterlaced, hasKey } = kind;
  const name = `color type ${colorType}, ${bits} bits${hasKey ? ", tRNS" : ""}${isInterlaced ? ", interlaced" : ""}`;
  const full = 2 ** bits - 1;
  const channels = [1, 0, 3, 1, 2, 0, 4][colorType]!;
  const pixels = Array.from({ length: width * height }, () => samplesOf(channels, full + 1));
  // Opaque and invisible pixels beside those in between.
  if (colorType >= 4) {
    pixels[0]![channels - 1] = 0;
    pixels[1]![channels - 1] = full;
  }
  const form = { width, height, bits, colorType, isInterlaced, filters: [4, 1, 3, 2, 0], samples: pixels.flat() };
  if (colorType === 3) {
    const palette = samplesOf(3 * 2 ** bits, 256);
    const transparency = [0, 128];
    const colors = pixels.map(([index]) => [
      ...palette.slice(3 * index!, 3 * index! + 3).map((level) => level / 255),
      hasKey ? (transparency[index!] ?? 255) / 255 : 1,
    ]);
    return { name, ...form, palette, ...(hasKey && { transparency }), colors };
  }
  const key = pixels[2]!;
  const colors = pixels.map((pixel) => {
    const isKey = hasKey && pixel.every((level, i) => level === key[i]);
    const alpha = colorType >= 4 ? pixel[channels - 1]! / full : isKey ? 0 : 1;
    const levels = pixel.map((level) => level / full);
    return [...(channels < 3 ? [levels[0]!, levels[0]!, levels[0]!] : levels.slice(0, 3)), alpha];
  });
  return { name, ...form, ...(hasKey && { transparency: key.flatMap((level) => [level >> 8, level & 255]) }), colors };
}

/** On the background, 0..255, not rounded. */
const onBackground = ({ colors }: Case): number[][] =>
  colors.map(([red, green, blue, alpha]) =>
    [red!, green!, blue!].map((level, i) => 255 * level * alpha! + background[i]! * (1 - alpha!)),
  );

describe.each(cases)("a PNG of $name", (form) => {
  const bytes = png(form);
  const right = onBackground(form);
  const path = join(folder, "image.png");

  it.each([1, 3])("is read exactly on the background, in %i channels", async (channels) => {
    writeFileSync(path, bytes);
    const shape = { width, height, channels, maxValue: 255 };
    const { data } = await readImages([path], shape, { background: [...background] });
    const levels =
      channels === 3 ? right.flat() : right.map(([red, green, blue]) => 0.299 * red! + 0.587 * green! + 0.114 * blue!);
    const errors = levels.map((level, i) => Math.abs(level - data[i]!));
    // Half a level of rounding.
    expect(Math.max(...errors)).toBeLessThan(0.5 + 1e-9);
  });

  it("is decoded by sharp on the same background, in 3 channels and in 1", async () => {
    const decode = async (file: Uint8Array, channels: 1 | 3) => {
      const form: ImageForm = { width, height, fit: "fill", channels, background, maxValue: 255 };
      return (await ImageDecoder.create(form, defaultLimits)).decode(file);
    };
    const colors = await decode(bytes, 3);
    const errors = right.flat().map((level, i) => Math.abs(level - colors[i]!));
    // 16 bits are cut to 8, and alpha is rounded once more.
    expect(Math.max(...errors)).toBeLessThanOrEqual(1.5);
    const flat = png({ width, height, bits: 8, colorType: 2, samples: [...colors] });
    const [gray, grayOfColors] = [await decode(bytes, 1), await decode(flat, 1)];
    expect(Math.max(...gray.map((level, i) => Math.abs(level - grayOfColors[i]!)))).toBeLessThanOrEqual(2);
  });
});

describe("the background", () => {
  const gray = png({ width: 2, height: 1, bits: 8, colorType: 0, samples: [0, 100] });
  const grayAlpha = png({ width: 2, height: 1, bits: 8, colorType: 4, samples: [0, 0, 100, 255] });
  const decode = async (file: Uint8Array, form: Partial<ImageForm>) => {
    const whole: ImageForm = { width: 2, height: 3, fit: "contain", channels: 3, background, maxValue: 255, ...form };
    return [...(await (await ImageDecoder.create(whole, defaultLimits)).decode(file))];
  };

  it.each([[background], [[255, 0, 0] as const]])("%j keeps its color beside and under gray images", async (color) => {
    const bar = [...color, ...color];
    const middle = [100, 100, 100];
    expect(await decode(grayAlpha, { background: color })).toEqual([...bar, ...color, ...middle, ...bar]);
    expect(await decode(gray, { background: color })).toEqual([...bar, 0, 0, 0, ...middle, ...bar]);
    expect(await decode(grayAlpha, { background: color, height: 1 })).toEqual([...color, ...middle]);
  });

  it("is one gray beside and under gray images that stay gray", async () => {
    const [bar, ...rest] = await decode(grayAlpha, { channels: 1 });
    expect(rest).toEqual([bar, bar, 100, bar, bar]);
  });
});
