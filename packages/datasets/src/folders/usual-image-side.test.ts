import { DataError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
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

  it("refuses a folder without an image", async () => {
    await folder.put({ "notes.txt": "no image", "broken.png": "\x89PNG" });
    await expect(usualImageSide(folder.path)).rejects.toThrow(/found none that can be read/);
    await expect(usualImageSide(`${folder.path}/missing`)).rejects.toThrow(DataError);
  });
});
