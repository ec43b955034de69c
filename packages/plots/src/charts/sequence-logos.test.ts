import { DataError, ShapeError } from "@mmgen/core";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { rasterize } from "../svg/rasterize.js";
import { sequenceLogos } from "./sequence-logos.js";

const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);

describe("sequenceLogos", () => {
  const groups = [{ label: "seven", counts: [[1, 3, 0], Int32Array.of(0, 0, 8)] }];

  it("stacks the letters of each position, the commonest first, and leaves out those that do not occur", () => {
    expect(texts(sequenceLogos({ groups, alphabet: "XYZ" }))).toEqual(["seven", "1", "2", "Y", "X", "Z"]);
  });

  it("gives each letter its share of the height", async () => {
    const png = decode(await rasterize(sequenceLogos({ groups, alphabet: "III", columns: 1 }), { pixelRatio: 1 }));
    // The first column of letters: 24 from the left, 21 wide, 120 high, below the margin and 34 of title.
    const inked = (y: number) =>
      Array.from({ length: 21 }, (_, x) => (y * png.width + 24 + x) * png.channels).filter((at) => png.data[at]! < 250);
    const colors = Array.from({ length: 120 }, (_, y) => inked(58 + y)[10]).filter((at) => at !== undefined);
    const [first] = colors;
    const upper = colors.filter((at) => png.data[at + 2] === png.data[first! + 2]);
    expect(upper.length).toBeGreaterThan(86);
    expect(upper.length).toBeLessThan(94);
  });

  it("refuses groups that differ, and values that are not counts", () => {
    expect(() => sequenceLogos({ groups: [], alphabet: "AB" })).toThrow(ShapeError);
    expect(() => sequenceLogos({ groups, alphabet: "AB" })).toThrow(ShapeError);
    const longer = { label: "longer", counts: [...groups[0]!.counts, [1, 0, 0]] };
    expect(() => sequenceLogos({ groups: [...groups, longer], alphabet: "XYZ" })).toThrow(/2 positions.*longer/);
    expect(() => sequenceLogos({ groups: [{ label: "", counts: [[0.5]] }], alphabet: "A" })).toThrow(DataError);
  });

  it("leaves a position without counts empty", () => {
    const svg = sequenceLogos({ groups: [{ label: "none", counts: [[0, 0]] }], alphabet: "AB" });
    expect(texts(svg)).toEqual(["none", "1"]);
    expect(svg).not.toContain("NaN");
  });
});
