import { describe, expect, it } from "vitest";
import { palette, paletteIndex } from "./palette.js";

/** The palette as the design document lists it. */
const listed = `
  light: pink 323, blue 233, gray 222, cyan 133, purple 213, green 131, orange 321, turquoise 132;
  dark: blue 002, red 201, gray 111, purple 112, yellow 120, magenta 102, green 121, turquoise 122;
  plain: turquoise 022, purple 202, gold 320, green 030, white 333, yellow 331, black 000, orange 310, brown 210,
    magenta 312, blue 003;
  bright: cyan 033, yellow 330, magenta 303, purple 223; normal: red 300.`;

describe("palette", () => {
  it("is the documented one", () => {
    const expected = [...listed.matchAll(/(\w+):([^;.]*)/g)].flatMap(([, shade, colors]) =>
      [...colors!.matchAll(/(\w+) (\d{3})/g)].map(([, color, rgb]) => `${shade} ${color} ${rgb}`),
    );
    expect(expected).toHaveLength(32);
    expect(palette.map(({ name, rgb }) => `${name} ${rgb.join("")}`).sort()).toEqual(expected.sort());
  });

  it("has no color twice", () => {
    expect(new Set(palette.map(({ rgb }) => rgb.join(""))).size).toBe(palette.length);
  });

  it("finds an entry by name", () => {
    palette.forEach(({ name }, index) => {
      expect(paletteIndex(name)).toBe(index);
    });
    expect(paletteIndex("dark gold")).toBe(-1);
  });
});
