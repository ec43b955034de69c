import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { imagesPng } from "../folder/images-png.js";
import { sideOfFolder } from "./folder-data.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-side-"));
});
afterEach(() => rm(folder, { recursive: true }));

it.each([
  [3, 4],
  [8, 8],
  [28, 28],
  [30, 28],
  [51, 48],
  [64, 64],
  [100, 64],
])("brings images of %i pixels to %i", async (side, expected) => {
  const data = new Uint8Array(side * side * 3);
  const image = { data, count: 1, height: side, width: side, channels: 3, maxValue: 255 };
  await writeFile(join(folder, "a.png"), imagesPng(image, { scale: 1 }));
  expect(await sideOfFolder(folder)).toBe(expected);
});
