import { ConfigError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { timingChart } from "./timing-chart.js";

describe("timingChart", () => {
  it("starts at 0 and names both ways", () => {
    const series = [
      { label: "with cache", x: [10, 50], y: [20, 100] },
      { label: "without", x: [10, 50], y: [60, 900] },
    ];
    const svg = timingChart({ series, title: "Generation" });
    for (const text of ["Generation", "ms", "with cache", "without", "ids generated", "0"]) {
      expect(svg).toContain(`>${text}</text>`);
    }
    // The lowest grid line is that of 0, at the foot of the plot: 214 high.
    expect(svg).toMatch(/<text x="-8" y="218\.\d+"[^>]*>0<\/text>/);
  });

  it("refuses a time below 0", () => {
    expect(() => timingChart({ series: [{ label: "a", y: [-1] }] })).toThrow(ConfigError);
  });
});
