import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Resvg } from "@resvg/resvg-js";
import { describe, expect, it } from "vitest";
import { escapeMarkup } from "./svg.js";
import { fontFamily, textWidth, wrapBalanced, wrapText } from "./text-layout.js";

const size = 12.5;

describe("textWidth", () => {
  const fonts = join(dirname(createRequire(import.meta.url).resolve("dejavu-fonts-ttf/package.json")), "ttf");
  const drawn = (text: string, bold: boolean) => {
    const weight = bold ? ' font-weight="bold"' : "";
    // At 100 px, between two bars whose side bearings cancel out.
    const svg = (line: string) =>
      `<svg xmlns="http://www.w3.org/2000/svg" width="9000" height="200"><text y="100" font-size="100" font-family="${fontFamily}"${weight} font-kerning="none">|${escapeMarkup(line)}|</text></svg>`;
    const fontFiles = ["DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf"].map((file) => join(fonts, file));
    const width = (line: string) =>
      new Resvg(svg(line), { font: { loadSystemFonts: false, fontFiles } }).getBBox()!.width;
    return width(text) - width("");
  };

  it.each([false, true])("agrees with what is drawn (bold: %s)", (bold) => {
    for (const text of ["dark green eigth on bright cyan", "0123456789.,:;-+=", "QWXYZ {}[]()<>@#%&"]) {
      // Kerning and ligatures (fi, fl) may take a little off; the bounding box is approximate.
      expect(Math.abs(textWidth(text, { size: 100, bold }) - drawn(text, bold))).toBeLessThan(0.02 * drawn(text, bold));
    }
  });
});

describe("wrapText", () => {
  it("keeps every line within the width and loses no word", () => {
    const text = "light turquoise eigth on bright magenta with a caption that goes on and on";
    for (const width of [80, 100, 140, 300]) {
      const lines = wrapText(text, width, { size });
      expect(lines.join(" ")).toBe(text);
      for (const line of lines) {
        expect(textWidth(line, { size })).toBeLessThanOrEqual(width);
      }
    }
  });

  it("breaks a word that is wider than a line, and always makes progress", () => {
    expect(wrapText("abcdefghij", 20, { size }).join("")).toBe("abcdefghij");
    expect(wrapText("abc", 0, { size })).toEqual(["a", "b", "c"]);
    expect(wrapText("😀😀", 1, { size })).toEqual(["😀", "😀"]);
  });

  it("a line feed starts a new line; no text is one empty line", () => {
    expect(wrapText("one\ntwo\r\n\nthree", 500, { size })).toEqual(["one", "two", "", "three"]);
    expect(wrapText("", 100, { size })).toEqual([""]);
  });
});

it("wrapBalanced takes no more lines than wrapText and shortens the longest", () => {
  const text = "light pink two on plain black";
  const plain = wrapText(text, 140, { size });
  const balanced = wrapBalanced(text, 140, { size });
  expect(balanced).toEqual(["light pink two", "on plain black"]);
  expect(balanced).toHaveLength(plain.length);
  expect(wrapBalanced("", 100, { size })).toEqual([""]);
});
