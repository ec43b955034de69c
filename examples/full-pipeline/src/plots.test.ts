import { describe, expect, it } from "vitest";
import { confusionOf } from "./plots.js";

const labels = (digit: number[]) => ({ digit, digitColor: digit, backgroundColor: digit });
const readings = (asked: number[], found: number[]) => ({ asked: labels(asked), found: labels(found) });
const titles = { title: "Captions", rowTitle: "shown", columnTitle: "said" };

describe("confusionOf", () => {
  it("names its axes, with rows for what was asked and columns for what was found", () => {
    const svg = confusionOf("digit", readings([7, 7, 1], [1, 7, 1]), titles);
    expect(svg).toContain(">Captions: digit<");
    expect(svg).toContain(">shown<");
    expect(svg).toContain(">said<");
    expect(svg).toContain("<title>7 → 1: 1</title>");
    expect(svg).toContain("<title>1 → 7: 0</title>");
  });

  it("has a column for what names nothing, where there is such", () => {
    expect(confusionOf("digit", readings([3], [-1]), titles)).toContain("<title>3 → none: 1</title>");
    expect(confusionOf("digit", readings([3], [3]), titles)).not.toContain("none");
  });
});
