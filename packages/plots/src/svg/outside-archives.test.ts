import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { outsideArchives } from "./outside-archives.js";

const folder = mkdtempSync(join(tmpdir(), "mmgen-archives-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file in a folder named as Yarn's archives are. */
function font(...path: string[]): string {
  const file = join(folder, ...path, "a.ttf");
  mkdirSync(join(folder, ...path), { recursive: true });
  writeFileSync(file, path.join());
  return file;
}

it("copies a font out of an archive, once, and leaves others where they are", async () => {
  const inside = [font("dejavu-npm-2.37.zip", "ttf"), font("__virtual__", "ttf"), font("app.asar", "ttf")];
  const outside = [font("app.asar.unpacked", "ttf"), font("zip", "ttf")];
  const found = await outsideArchives([...inside, ...outside]);
  expect(found.slice(inside.length)).toEqual(outside);
  for (const [i, original] of inside.entries()) {
    expect(found[i]).not.toMatch(/zip|asar|__virtual__/);
    expect(readFileSync(found[i]!)).toEqual(readFileSync(original));
  }
  expect(await outsideArchives([...inside, ...outside])).toEqual(found);
});

it("tries again after a font that could not be read", async () => {
  const path = join(folder, "late.zip", "a.ttf");
  await expect(outsideArchives([path])).rejects.toThrow(/ENOENT/);
  const [copied] = await outsideArchives([font("late.zip")]);
  expect(existsSync(copied!)).toBe(true);
});
