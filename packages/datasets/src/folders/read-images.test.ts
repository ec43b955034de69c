import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DataError } from "@mmgen/core";
import { encode } from "fast-png";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeImages, readImages } from "./read-images.js";

const shape = { height: 2, width: 2, channels: 3, maxValue: 3 };
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-images-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function png(name: string, data: number[], channels: 1 | 2 | 3 | 4, side = 2): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, encode({ width: side, height: side, channels, depth: 8, data: Uint8Array.from(data) }));
  return path;
}

describe("readImages", () => {
  it("takes each level to the nearest the model knows, whatever the channels", async () => {
    const rgb = await png("rgb.png", [0, 85, 170, 255, 0, 0, 40, 50, 215, 1, 2, 3], 3);
    const rgba = await png("rgba.png", [0, 85, 170, 255, 255, 0, 0, 255, 40, 50, 215, 255, 1, 2, 3, 255], 4);
    const gray = await png("gray.png", [0, 85, 170, 255], 1);
    const { data, count } = await readImages([rgb, rgba, gray], shape);
    const colors = [0, 1, 2, 3, 0, 0, 0, 1, 3, 0, 0, 0];
    expect(count).toBe(3);
    expect([...data]).toEqual([...colors, ...colors, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
  });

  it("reads colors as gray by their luma", async () => {
    const white = [255, 255, 255];
    const rgb = await png("colors.png", [...[255, 0, 0, 0, 255, 0, 0, 0, 255], ...white], 3);
    const rgba = await png("colors-alpha.png", [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, ...white, 255], 4);
    const gray = await png("one.png", [0, 76, 150, 255], 1);
    const grayAlpha = await png("one-alpha.png", [0, 255, 76, 255, 150, 255, 255, 255], 2);
    const { data } = await readImages([rgb, rgba, gray, grayAlpha], { ...shape, channels: 1, maxValue: 255 });
    // 255 times Rec. 601's 0.299, 0.587 and 0.114.
    expect([...data]).toEqual([76, 150, 29, 255, 76, 150, 29, 255, 0, 76, 150, 255, 0, 76, 150, 255]);
  });

  it("lays transparent pixels on white, or on the background it is given", async () => {
    const path = await png("ga.png", [0, 0, 100, 255, 0, 51, 100, 0], 2);
    const levels = async (background?: number[]) => [
      ...(await readImages([path], { ...shape, maxValue: 255 }, background && { background })).data,
    ];
    expect(await levels()).toEqual([255, 255, 255, 100, 100, 100, 204, 204, 204, 255, 255, 255]);
    // A fifth of black, and four fifths of the background.
    expect(await levels([10, 20, 30])).toEqual([10, 20, 30, 100, 100, 100, 8, 16, 24, 10, 20, 30]);
    await expect(levels([10, 20])).rejects.toThrow(ConfigError);
    await expect(readImages([path], shape, { limits: { pixels: 3 } })).rejects.toThrow("limits.pixels");
    await expect(readImages([path], shape, { limits: { fileBytes: 9 } })).rejects.toThrow("at most 9 bytes");
  });

  it("resizes images of any size and format where it is told how", async () => {
    // Red above blue, twice as wide as it is high.
    const wide = sharp({ create: { width: 8, height: 4, channels: 3, background: "red" } }).composite([
      { input: { create: { width: 8, height: 2, channels: 3, background: "blue" } }, left: 0, top: 2 },
    ]);
    const paths = [join(folder, "wide.png"), join(folder, "wide.webp")];
    await writeFile(paths[0]!, await wide.png().toBuffer());
    await writeFile(paths[1]!, await wide.webp({ lossless: true }).toBuffer());
    const exact = await png("exact.png", [0, 85, 170, 255, 0, 0, 40, 50, 215, 1, 2, 3], 3);
    const halves = [3, 0, 0, 3, 0, 0, 0, 0, 3, 0, 0, 3];
    const { data, count } = await readImages([...paths, exact], shape, { fit: "cover" });
    expect(count).toBe(3);
    expect([...data]).toEqual([...halves, ...halves, 0, 1, 2, 3, 0, 0, 0, 1, 3, 0, 0, 0]);
    await expect(readImages(paths, shape, { fit: "crop" as never })).rejects.toThrow(ConfigError);
    await expect(readImages([paths[1]!], shape)).rejects.toThrow("expected a PNG file, got WebP");
  });

  it("reads the bytes of files as it reads files", async () => {
    const path = await png("bytes.png", [0, 85, 170, 255, 0, 0, 40, 50, 215, 1, 2, 3], 3);
    const bytes = await readFile(path);
    expect(await decodeImages([bytes, bytes], shape)).toEqual(await readImages([path, path], shape));
    const failure = (files: readonly Uint8Array[], options = {}) => expect(decodeImages(files, shape, options)).rejects;
    await failure([bytes, bytes.subarray(0, 40)]).toThrow(/^image 2: /);
    await failure([bytes], { limits: { fileBytes: 9 } }).toThrow("image 1: expected at most 9 bytes");
    await failure([new TextEncoder().encode("<svg/>")], { fit: "fill" }).toThrow("image 1: neither PNG");
  });

  it("refuses more images than memory can hold", async () => {
    const huge = { height: 2 ** 20, width: 2 ** 20, channels: 3, maxValue: 3 };
    const paths = new Array<string>(2 ** 14).fill("a.png");
    await expect(readImages(paths, huge)).rejects.toThrow(/16384 images of 1048576 × 1048576 × 3 take .* bytes/);
    await expect(readImages(paths, huge)).rejects.toBeInstanceOf(ConfigError);
  });

  it("refuses other sizes, other files and truncated ones by name", async () => {
    const large = await png("large.png", new Array(27).fill(0), 3, 3);
    const text = join(folder, "text.png");
    await writeFile(text, "no image");
    const cut = await png("cut.png", new Array(12).fill(0), 3);
    const whole = encode({ width: 2, height: 2, channels: 3, depth: 8, data: new Uint8Array(12) });
    await writeFile(cut, whole.subarray(0, whole.length - 20));
    for (const path of [large, text, cut, join(folder, "none.png")]) {
      const error: unknown = await readImages([path], shape).catch((reason) => reason);
      expect(DataError.isInstance(error), path).toBe(true);
      expect((error as Error).message).toContain(path);
    }
  });
});
