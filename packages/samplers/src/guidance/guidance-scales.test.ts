import { ConfigError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { type GuidanceScale, guidanceScales, isNeutralScale } from "./guidance-scales.js";

describe("guidanceScales", () => {
  it.each<[GuidanceScale, number, number[]]>([
    [2.5, 3, [2.5, 2.5, 2.5]],
    [{ from: 1, to: 3 }, 5, [1, 1.5, 2, 2.5, 3]],
    [{ from: 4, to: 0, schedule: "linear" }, 3, [4, 2, 0]],
    // (1 − cos(πr)) / 2 at r = 0, ¼, ½, ¾, 1.
    [{ from: 0, to: 1, schedule: "cosine" }, 5, [0, (1 - Math.SQRT1_2) / 2, 0.5, (1 + Math.SQRT1_2) / 2, 1]],
    [{ from: 1, to: 3 }, 1, [1]],
    [{ from: 1, to: 3 }, 0, []],
  ])("of %o in %i steps", (scale, steps, expected) => {
    expect(guidanceScales(scale, steps)).toEqual(Float32Array.from(expected));
  });

  it("reaches both ends exactly", () => {
    for (const schedule of ["linear", "cosine"] as const) {
      const scales = guidanceScales({ from: 0.1, to: 7.3, schedule }, 64);
      expect([scales[0], scales[63]]).toEqual([Math.fround(0.1), Math.fround(7.3)]);
    }
  });

  it("refuses what is no scale", () => {
    expect(() => guidanceScales(Number.NaN, 2)).toThrow(/scale: expected a finite number, got NaN/);
    expect(() => guidanceScales({ from: 1 } as never, 2)).toThrow(/scale.to: expected a finite number/);
    expect(() => guidanceScales({ from: 1, till: 2 } as never, 2)).toThrow(ConfigError);
    expect(() => guidanceScales({ from: 1, to: 2, schedule: "cosin" } as never, 2)).toThrow(/did you mean "cosine"/);
    expect(() => guidanceScales(1, -1)).toThrow(/steps: expected a whole number of at least 0/);
  });

  it("knows scales without effect", () => {
    expect([1, { from: 1, to: 1, schedule: "linear" } as const].map(isNeutralScale)).toEqual([true, true]);
    expect([0, { from: 1, to: 2, schedule: "linear" } as const].map(isNeutralScale)).toEqual([false, false]);
  });
});
