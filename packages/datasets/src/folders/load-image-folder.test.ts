import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "@mmgen/core";
import sharp from "sharp";
import { describe, expect, it, vi } from "vitest";
import { blue, firstPixels, flat, green, imageFolderFixture, red, white } from "./image-folder.fixture.js";
import type { LoadImageFolderOptions } from "./load-image-folder.js";
import { readImages } from "./read-images.js";

const folder = imageFolderFixture();
const { put, load, failure } = folder;

describe("loadImageFolder", () => {
  it("reads PNG, JPEG and WebP from folders in folders, in the order of their paths", async () => {
    await put({
      "b.png": await flat(red),
      "a/z.webp": await flat(green, "z.webp"),
      "a/Y.JPG": await flat(blue, "y.jpg"),
      "a/.hidden.png": "not looked at",
      "notes.md": "not looked at",
    });
    const { train, validation, test, source } = await load({ captions: "none" });
    expect(train.files).toEqual(["a/Y.JPG", "a/z.webp", "b.png"]);
    expect(train.images).toMatchObject({ count: 3, height: 4, width: 4, channels: 3, maxValue: 255 });
    expect(train.captions).toEqual(["", "", ""]);
    const [jpeg, ...lossless] = firstPixels(train.images);
    expect(lossless).toEqual([green, red]);
    // JPEG of quality 100: within rounding of its color transform.
    expect(Math.max(...jpeg!.map((level, i) => Math.abs(level - blue[i]!)))).toBeLessThanOrEqual(2);
    expect([validation.images.count, test.images.count]).toEqual([0, 0]);
    expect(source).toBe(`3 images from ${folder.path}, 4 × 4, captions: none, seed 0`);
  });

  it("covers, contains or fills the form", async () => {
    // Red, green, blue from left to right, 12 × 4.
    const stripes = await sharp({ create: { width: 12, height: 4, channels: 3, background: "lime" } })
      .composite([
        { input: await flat(red, "r.png", 4, 4), left: 0, top: 0 },
        { input: await flat(blue, "b.png", 4, 4), left: 8, top: 0 },
      ])
      .png()
      .toBuffer();
    await put({ "stripes.png": stripes });
    const pixels = async (options: Partial<LoadImageFolderOptions>) => {
      const { images } = (await load({ captions: "none", ...options })).train;
      return (row: number, column: number) => [
        ...images.data.subarray(3 * (row * images.width + column)).subarray(0, 3),
      ];
    };
    const cover = await pixels({});
    expect([cover(0, 0), cover(3, 3)]).toEqual([green, green]);
    const contain = await pixels({ side: 12, fit: "contain", background: [10, 20, 30] });
    expect([contain(0, 0), contain(6, 1), contain(6, 6), contain(6, 11), contain(11, 11)]).toEqual([
      [10, 20, 30],
      red,
      green,
      blue,
      [10, 20, 30],
    ]);
    const fill = await pixels({ side: { height: 8, width: 12 }, fit: "fill" });
    expect([fill(0, 1), fill(7, 6), fill(7, 11)]).toEqual([red, green, blue]);
  });

  it("lays transparent pixels on the background, and turns images upright", async () => {
    const clear = await sharp({
      create: { width: 4, height: 4, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    // Red above blue, said to have been taken with the camera upside down.
    const turned = await sharp({ create: { width: 4, height: 4, channels: 3, background: "blue" } })
      .composite([{ input: await flat(red, "r.png", 4, 2), left: 0, top: 0 }])
      .withMetadata({ orientation: 3 })
      .png()
      .toBuffer();
    await put({ "clear.png": clear, "turned.png": turned });
    expect(firstPixels((await load({ captions: "none" })).train.images)).toEqual([white, blue]);
    const onBlack = await load({ captions: "none", background: [0, 0, 0] });
    expect(firstPixels(onBlack.train.images)[0]).toEqual([0, 0, 0]);
  });

  it("brings gray, palette and 16-bit images to the channels asked for", async () => {
    const gray = { create: { width: 4, height: 4, channels: 3 as const, background: { r: 120, g: 120, b: 120 } } };
    await put({
      "deep.png": await sharp(gray).toColorspace("rgb16").png().toBuffer(),
      "gray.png": await sharp(gray).toColorspace("b-w").png().toBuffer(),
      "palette.png": await sharp(gray).png({ palette: true }).toBuffer(),
    });
    for (const channels of [1, 3] as const) {
      const { images } = (await load({ captions: "none", channels })).train;
      expect(images).toMatchObject({ count: 3, channels });
      const levels = firstPixels(images);
      expect(levels.map(({ length }) => length)).toEqual([channels, channels, channels]);
      // One level of rounding on the way down from 16 bits.
      expect(levels.flat().every((level) => Math.abs(level - 120) <= 1)).toBe(true);
    }
  });

  it("reads colors as gray by their luma, as readImages does", async () => {
    const side = 16;
    const noise = (channels: 3 | 4) =>
      Uint8Array.from({ length: side * side * channels }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24);
    const raw = (channels: 3 | 4) => ({ raw: { width: side, height: side, channels } });
    const background: [number, number, number] = [255, 0, 40];
    await put({
      "alpha.png": await sharp(noise(4), raw(4)).png().toBuffer(),
      "color.png": await sharp(noise(3), raw(3)).png().toBuffer(),
      "ink.png": await flat([0, 0, 255], "ink.png", side, side),
    });
    const { images } = (await load({ captions: "none", channels: 1, side, background })).train;
    const paths = ["alpha.png", "color.png", "ink.png"].map((name) => join(folder.path, name));
    const { data } = await readImages(paths, { height: side, width: side, channels: 1, maxValue: 255 }, { background });
    expect(images.data).toHaveLength(data.length);
    expect(Math.max(...data.map((level, i) => Math.abs(level - images.data[i]!)))).toBeLessThanOrEqual(1);
    // Rec. 601's 0.114 of 255; libvips' luminance would be 76.
    expect(images.data.at(-1)).toBe(29);
  });

  it("spreads levels evenly below 255", async () => {
    await put({ "a.png": await flat([0, 84, 86]), "b.png": await flat([128, 213, 255]) });
    const { images } = (await load({ captions: "none", maxValue: 3 })).train;
    expect(images.maxValue).toBe(3);
    expect(firstPixels(images)).toEqual([
      [0, 1, 1],
      [2, 3, 3],
    ]);
  });

  it("names each file that cannot be read, and why", async () => {
    const whole = await sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: "red",
        noise: { type: "gaussian", mean: 128, sigma: 60 },
      },
    })
      .jpeg()
      .toBuffer();
    await put({
      "a.png": await flat(red),
      "cut.jpg": whole.subarray(0, whole.length / 2),
      "drawing.png": '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>',
      "empty.webp": "",
      "torn.png": (await flat(red)).subarray(0, 50),
    });
    const message = await failure({ captions: "none" });
    expect(message).toContain("4 of 5 images cannot be read");
    expect(message).toMatch(
      /cut\.jpg: not readable \(.+\); drawing\.png: neither PNG.*; empty\.webp: empty; torn\.png: not readable/,
    );
  });

  it("keeps to the limits it is given", async () => {
    await put({ "a.png": await flat(red), "b.webp": await flat(blue, "b.webp", 9, 9) });
    const all = { captions: "none" } as const;
    expect((await load({ ...all, limits: { pixels: 81, imagesAtOnce: 1 } })).train.images.count).toBe(2);
    expect(await failure({ ...all, limits: { pixels: 80 } })).toMatch(/1 of 2.*b\.webp: expected at most 80 pixels/);
    expect(await failure({ ...all, limits: { fileBytes: 20 } })).toMatch(/2 of 2.*a\.png: .*at most 20 bytes/);
    expect(await failure({ ...all, limits: { pixel: 1 } as never }, ConfigError)).toContain('did you mean "pixels"?');
    expect(await failure({ ...all, limits: 7 as never }, ConfigError)).toContain("limits");
  });

  it("reports images in other formats, and refuses a folder without any", async () => {
    const messages: string[] = [];
    await put({ "a.png": await flat(red), "b.gif": "GIF89a" });
    await load({ captions: "none", onMessage: (message) => messages.push(message) });
    expect(messages).toEqual([`${folder.path}: passed over 1 files that are not PNG, JPEG or WebP, such as b.gif.`]);
    await rm(join(folder.path, "a.png"));
    expect(await failure()).toContain("found none among 1 files");
    expect(await failure({ folder: join(folder.path, "none") })).toContain("Cannot list the folder");
  });

  it("refuses options out of range, and stops by its signal", async () => {
    await put({ "a.png": await flat(red) });
    const all = { captions: "none" } as const;
    expect(await failure({ ...all, side: 0 }, ConfigError)).toContain("side");
    expect(await failure({ ...all, side: { height: 4, width: 1.5 } }, ConfigError)).toContain("side");
    expect(await failure({ ...all, maxValue: 256 }, ConfigError)).toContain("maxValue");
    expect(await failure({ ...all, channels: 4 as never }, ConfigError)).toContain("channels");
    expect(await failure({ ...all, fit: "crop" as never }, ConfigError)).toContain('"crop"');
    expect(await failure({ ...all, background: [0, 0, 300] }, ConfigError)).toContain("background");
    expect(await failure({ captions: "csv" as never }, ConfigError)).toContain('got "csv"');
    expect(await failure({ ...all, testCont: 2 } as never, ConfigError)).toContain('did you mean "testCount"?');
    expect(await failure({ ...all, testCount: 1, testShare: 0.5 }, ConfigError)).toContain("testCount, not both");
    expect(await failure({ ...all, testCount: 2 }, ConfigError)).toContain("has 1 images: expected at most that many");
    await expect(load({ ...all, signal: AbortSignal.abort() })).rejects.toThrow(/was stopped/);
  });

  it("explains how to install sharp where it is missing", async () => {
    await put({ "a.png": await flat(red) });
    vi.resetModules();
    vi.doMock("sharp", () => {
      throw new Error("Cannot find package 'sharp'");
    });
    try {
      const fresh = await import("./load-image-folder.js");
      const loading = fresh.loadImageFolder({ folder: folder.path, side: 4, captions: "none" });
      await expect(loading).rejects.toThrow(/npm install sharp/);
    } finally {
      vi.doUnmock("sharp");
      vi.resetModules();
    }
  });

  it("splits by the seed into disjoint sets that keep images and captions together", async () => {
    for (let i = 0; i < 20; i++) {
      await put({ [`${i}.png`]: await flat([i, 0, 0]), [`${i}.txt`]: `number ${i}` });
    }
    const options = { validationCount: 4, testCount: 6, seed: 5 };
    const splits = await load(options);
    const { train, validation, test } = splits;
    expect([train, validation, test].map(({ images }) => images.count)).toEqual([10, 4, 6]);
    for (const { files, captions, images } of [train, validation, test]) {
      const numbers = files.map((file) => Number.parseInt(file, 10));
      expect(captions).toEqual(numbers.map((number) => `number ${number}`));
      expect(firstPixels(images).map(([level]) => level)).toEqual(numbers);
    }
    expect(new Set([train, validation, test].flatMap(({ files }) => files)).size).toBe(20);
    expect(await load(options)).toEqual(splits);
    expect((await load({ ...options, seed: 6 })).test.files).not.toEqual(test.files);
    expect(await load({ validationShare: 0.2, testShare: 0.3, seed: 5 })).toEqual(splits);
  });
});
