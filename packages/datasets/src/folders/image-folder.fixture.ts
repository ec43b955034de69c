import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DataError, type ImageBatch } from "@mmgen/core";
import sharp from "sharp";
import { afterEach, beforeEach, expect } from "vitest";
import { type ImageFolderSplits, type LoadImageFolderOptions, loadImageFolder } from "./load-image-folder.js";

export type Rgb = readonly [number, number, number];
export const red: Rgb = [255, 0, 0];
export const green: Rgb = [0, 255, 0];
export const blue: Rgb = [0, 0, 255];
export const white: Rgb = [255, 255, 255];

/** An image of one color in the format of its name, without loss in PNG and WebP. */
export async function flat([r, g, b]: Rgb, name = "x.png", width = 6, height = 6): Promise<Buffer> {
  const image = sharp({ create: { width, height, channels: 3, background: { r, g, b } } });
  if (name.endsWith("webp")) {
    return image.webp({ lossless: true }).toBuffer();
  }
  return /jpe?g$/i.test(name) ? image.jpeg({ quality: 100 }).toBuffer() : image.png().toBuffer();
}

/** A folder that is empty at the start of each test, with functions to fill and load it. */
export function imageFolderFixture() {
  let path = "";
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), "mmgen-folder-"));
  });
  afterEach(() => rm(path, { recursive: true }));
  const load = (options: Partial<LoadImageFolderOptions> = {}): Promise<ImageFolderSplits> =>
    loadImageFolder({ folder: path, side: 4, ...options });
  return {
    get path() {
      return path;
    },
    async put(files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), content);
      }
    },
    load,
    /** The message that loading fails with, of this kind of error. */
    async failure(options: Partial<LoadImageFolderOptions> = {}, kind: typeof DataError = DataError): Promise<string> {
      const error = await load(options).then(
        () => expect.fail("loaded"),
        (caught: unknown) => caught,
      );
      expect(kind.isInstance(error), String(error)).toBe(true);
      return (error as Error).message;
    },
  };
}

/** Red, green and blue of each image's first pixel. */
export const firstPixels = ({ data, count, height, width, channels }: ImageBatch) =>
  Array.from({ length: count }, (_, i) => {
    const start = i * height * width * channels;
    return [...data.subarray(start, start + channels)];
  });
