import { ConfigError, DataError, ShapeError } from "@mmgen/core";
import { decode } from "fast-png";
import { describe, expect, it, vi } from "vitest";
import { rasterize } from "../svg/rasterize.js";
import type { CurvePanel } from "./curve-panel.js";
import { type TrainingCurvesOptions, trainingCurves } from "./training-curves.js";

const losses = Float64Array.from({ length: 400 }, (_, i) => 1 + 4 * Math.exp(-i / 60) + 0.1 * Math.sin(i * 7.3));
const panel: CurvePanel = {
  title: "Transformer",
  yLabel: "nats per id",
  series: [
    { label: "train", style: "steps", y: losses },
    { label: "test", style: "points", x: [0, 200, 400], y: [5, 1.3, 1.1] },
  ],
};

async function draw(panels: readonly CurvePanel[]) {
  const png = decode(await rasterize(trainingCurves({ panels }), { pixelRatio: 1 }));
  /** Pixels near a color within columns [left, right). */
  const near = ([red, green, blue]: number[], left = 0, right = png.width) => {
    const found: { x: number; y: number }[] = [];
    for (let y = 0; y < png.height; y++) {
      for (let x = left; x < right; x++) {
        const at = (y * png.width + x) * png.channels;
        const [r, g, b] = png.data.subarray(at, at + 3) as Uint8Array;
        if (Math.abs(r! - red!) + Math.abs(g! - green!) + Math.abs(b! - blue!) < 40) {
          found.push({ x, y });
        }
      }
    }
    return found;
  };
  return { ...png, near };
}
const blue = [0x2b, 0x66, 0xb1];
const orange = [0xc9, 0x65, 0x1b];
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("trainingCurves", () => {
  it("draws a falling loss as a falling line, left to right, with test points in another color", async () => {
    const { near } = await draw([panel]);
    // Below the legend (y > 80), in the left tenth and the right tenth of the axes.
    const early = near(blue, 70, 78).filter(({ y }) => y > 80);
    const late = near(blue, 400, 430).filter(({ y }) => y > 80);
    expect(early.length).toBeGreaterThan(3);
    expect(late.length).toBeGreaterThan(10);
    expect(mean(late.map(({ y }) => y))).toBeGreaterThan(mean(early.map(({ y }) => y)) + 80);
    expect(near(orange).filter(({ y }) => y > 80).length).toBeGreaterThan(100);
  });

  it("writes titles, unit, legend and axis labels", async () => {
    const svg = trainingCurves({ panels: [{ ...panel, learningRate: { y: [1e-3, 5e-4, 0] } }], title: "Run" });
    for (const text of [
      "Run",
      "Transformer",
      "nats per id",
      "train",
      "test",
      "learning rate (right)",
      "step",
      "1e-3",
    ]) {
      expect(svg).toContain(`>${text}</text>`);
    }
  });

  it("a logarithmic panel spaces ratios evenly", async () => {
    const svg = trainingCurves({
      panels: [{ title: "log", scale: "log", series: [{ label: "test", style: "points", y: [100, 10, 1] }] }],
    });
    // The dots' places: three circles on a line.
    const heights = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="3.5"/g)].map((match) => Number(match[2]));
    expect(heights).toHaveLength(3);
    expect(heights[2]! - heights[1]!).toBeCloseTo(heights[1]! - heights[0]!, 1);
    expect(heights[2]!).toBeGreaterThan(heights[0]! + 100);
  });

  it.each<[number[], "linear" | "log", string[]]>([
    [[0, 900], "linear", ["200", "800"]],
    [[1.5, 2.5], "linear", ["1.6", "2.4"]],
    [[1000, 9000], "linear", ["2,000", "8,000"]],
    [[0.005, 2000], "log", ["0.01", "1", "1000"]],
    [[1e-7, 1e-5], "log", ["1e-7", "1e-6"]],
  ])("labels the axis of %j, %s, with plain short numbers", async (y, scale, expected) => {
    const svg = trainingCurves({ panels: [{ title: "", scale, series: [{ label: "", style: "points", y }] }] });
    for (const text of expected) {
      expect(svg).toContain(`>${text}</text>`);
    }
    expect(svg).not.toContain("e+");
  });

  it("panels stand side by side, then below, and lines that leave a plot are clipped", async () => {
    const { width, height } = await draw([panel, panel, panel]);
    const single = await draw([panel]);
    expect(width).toBe(single.width + 440 + 36);
    expect(height).toBeGreaterThan(1.7 * single.height);
    const svg = trainingCurves({ panels: [panel, panel, panel] });
    // What is clipped is so without ids, which documents shown on one page would share.
    expect(svg.match(/<svg width="\d+" height="214" overflow="hidden">/g)).toHaveLength(3);
    expect(svg).not.toMatch(/ id="|url\(/);
  });

  it("a run that diverged, a constant and a single value can be drawn", async () => {
    const diverged = { label: "train", style: "steps", y: [3, 2, Number.NaN, Number.POSITIVE_INFINITY] } as const;
    for (const series of [diverged, { ...diverged, y: [2, 2, 2] }, { ...diverged, y: [1] }]) {
      expect(trainingCurves({ panels: [{ title: "", series: [series] }] })).not.toMatch(/NaN|Infinity/);
    }
  });

  it("is a pure function of its options and prints nothing", async () => {
    const spies = (["log", "warn", "error", "info"] as const).map((name) => vi.spyOn(console, name));
    const second: CurvePanel = { ...panel, scale: "log", learningRate: { y: [0, 1e-3] } };
    const options: TrainingCurvesOptions = { panels: [panel, second] };
    const [once, again] = [trainingCurves(options), trainingCurves(options)];
    // Not toBe, whose report of a difference would be the whole document.
    expect(once === again).toBe(true);
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  it.each<[string, Partial<CurvePanel>, typeof ConfigError, RegExp]>([
    ["no series", { series: [] }, ConfigError, /series: expected a list of at least 1/],
    ["an empty series", { series: [{ label: "a", style: "steps", y: [] }] }, ShapeError, /"a".*got 0 and 0/],
    ["a ragged series", { series: [{ label: "a", style: "points", x: [1], y: [1, 2] }] }, ShapeError, /got 1 and 2/],
    ["nothing finite", { series: [{ label: "a", style: "steps", y: [Number.NaN] }] }, DataError, /none of its 1/],
    ["0 on a log scale", { scale: "log", series: [{ label: "a", style: "steps", y: [1, 0] }] }, ConfigError, /linear/],
    ["no smoothing", { smoothing: 0 }, ConfigError, /smoothing.*got 0/],
  ])("refuses %s", (_, wrong, kind, message) => {
    const draw = () => trainingCurves({ panels: [{ ...panel, ...wrong }] });
    expect(draw).toThrow(message);
    expect(draw).toThrow(kind);
  });
});
