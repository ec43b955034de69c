import { describe, expect, it } from "vitest";
import { attributeConfusion } from "./confusion.js";

const labels = (digit: number[]) => ({ digit, digitColor: digit, backgroundColor: digit });
const readings = (asked: number[], found: number[]) => ({ asked: labels(asked), found: labels(found) });
const titles = { title: "Captions", rowTitle: "shown", columnTitle: "said" };

describe("attributeConfusion", () => {
  it("names its axes, and counts what is there in rows and what was made of it in columns", () => {
    const svg = attributeConfusion("digit", readings([7, 7, 1], [1, 7, 1]), titles);
    expect(svg).toContain(">Captions: digit<");
    expect(svg).toContain(">shown<");
    expect(svg).toContain(">said<");
    expect(svg).toContain("<title>7 → 1: 1</title>");
    expect(svg).toContain("<title>1 → 7: 0</title>");
  });

  it("has a column for what names nothing, where there is such", () => {
    expect(attributeConfusion("digit", readings([3], [-1]), titles)).toContain("<title>3 → none: 1</title>");
    expect(attributeConfusion("digit", readings([3], [3]), titles)).not.toContain("none");
  });
});
