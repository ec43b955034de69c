import { open } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "@mmgen/core";
import { describe, expect, it, vi } from "vitest";
import { flat, imageFolderFixture, red } from "./image-folder.fixture.js";
import { usualImageSide } from "./usual-image-side.js";

const folder = imageFolderFixture();

describe("usualImageSide", () => {
  it("is the most frequent shorter side, in folders too, whatever the format", async () => {
    await folder.put({
      "a.png": await flat(red, "a.png", 20, 12),
      "cats/b.jpg": await flat(red, "b.jpg", 12, 30),
      "cats/c.webp": await flat(red, "c.webp", 12, 12),
      "d.png": await flat(red, "d.png", 64, 64),
    });
    expect(await usualImageSide(folder.path)).toBe(12);
  });

  it("is the longer one of two that are as frequent, and passes over what is no image", async () => {
    await folder.put({
      "a.png": await flat(red, "a.png", 8, 8),
      "b.png": await flat(red, "b.png", 16, 16),
      "broken.png": "not an image",
      "empty.jpg": "",
    });
    expect(await usualImageSide(folder.path)).toBe(16);
  });

  it("looks at few of very many", async () => {
    const image = await flat(red, "x.png", 9, 9);
    await folder.put(Object.fromEntries(Array.from({ length: 450 }, (_, i) => [`${i}.png`, image])));
    expect(await usualImageSide(folder.path)).toBe(9);
  });

  it("reads the beginnings of large files, and of a JPEG whose size comes late as much as it needs", async () => {
    const jpeg = await flat(red, "x.jpg", 10, 10);
    // Segments of 65 535 bytes, as color profiles and thumbnails take; the size follows them.
    const segment = Buffer.concat([Buffer.from([0xff, 0xe2, 0xff, 0xff]), Buffer.alloc(65_533)]);
    const late = Buffer.concat([jpeg.subarray(0, 2), segment, segment, segment, jpeg.subarray(2)]);
    const large = Buffer.concat([await flat(red, "x.png", 10, 10), Buffer.alloc(2 ** 20)]);
    await folder.put({ "late.jpg": late, "large.png": large, "other.png": await flat(red, "x.png", 30, 30) });
    let bytes = 0;
    const handle = await open(join(folder.path, "large.png"));
    const original = handle.read as (...args: unknown[]) => unknown;
    const read = vi.spyOn(Object.getPrototypeOf(handle), "read").mockImplementation(async function (
      this: unknown,
      ...args: unknown[]
    ) {
      const result = (await Reflect.apply(original, this, args)) as { readonly bytesRead: number };
      bytes += result.bytesRead;
      return result;
    });
    try {
      expect(await usualImageSide(folder.path)).toBe(10);
    } finally {
      read.mockRestore();
      await handle.close();
    }
    // The beginning of each, and the late one whole.
    expect(bytes).toBeLessThan(late.length + 3 * 2 ** 16);
    // Cut off before its size, it says none.
    await folder.put({ "late.jpg": late.subarray(0, 3 * 65_000), "large.png": "" });
    expect(await usualImageSide(folder.path)).toBe(30);
  });

  it("refuses a folder without an image", async () => {
    await folder.put({ "notes.txt": "no image", "broken.png": "\x89PNG" });
    await expect(usualImageSide(folder.path)).rejects.toThrow(/found none that can be read/);
    await expect(usualImageSide(`${folder.path}/missing`)).rejects.toThrow(DataError);
  });
});
