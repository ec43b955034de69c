import { describe, expect, it } from "vitest";
import { themeColors } from "../svg/theme.js";
import { type Axis, axisRoom, drawAxis, ticksAt } from "./axis.js";
import { drawChart } from "./chart.js";

const plot = { width: 200, height: 100 };
const theme = themeColors("light");
const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);
const ticks = (count: number, spacing: number, label = "1000") =>
  Array.from({ length: count }, (_, i) => ({ at: i * spacing, label }));

describe("drawAxis", () => {
  it("leaves out values that would overlap, evenly, and no name", () => {
    const values: Axis = { side: "bottom", ticks: ticks(10, 20), line: "marked" };
    expect(texts(drawAxis(values, plot, theme))).toHaveLength(5);
    expect(texts(drawAxis({ ...values, ticks: ticks(4, 60) }, plot, theme))).toHaveLength(4);
    expect(texts(drawAxis({ ...values, side: "top", labels: "names" }, plot, theme))).toHaveLength(10);
  });

  it("turns names above a plot only where they are too wide to stand side by side", () => {
    const names: Axis = { side: "top", ticks: ticks(3, 60, "seven"), labels: "names" };
    expect(drawAxis(names, plot, theme)).not.toContain("rotate");
    expect(drawAxis({ ...names, ticks: ticks(3, 36, "seven") }, plot, theme)).toContain("rotate(-90)");
  });
});

describe("axisRoom", () => {
  it("grows with the widest label and a title", () => {
    const room = (label: string) => axisRoom({ side: "left", ticks: ticks(2, 20, label) });
    expect(room("1")).toBe(44);
    expect(room("100,000,000")).toBeGreaterThan(65);
    const bottom: Axis = { side: "bottom", ticks: ticks(2, 20) };
    expect(axisRoom({ ...bottom, title: "step" })).toBeGreaterThan(axisRoom(bottom) + 10);
  });
});

describe("drawChart", () => {
  it("keeps every label within the document", () => {
    const axes: Axis[] = [
      { side: "left", ticks: ticksAt([0, 1e9], (value) => value / 1e7, String), grid: true },
      { side: "right", ticks: ticks(2, 100, "1e-12345") },
      { side: "top", ticks: ticks(4, 20, "a long name"), labels: "names", title: "names" },
    ];
    const svg = drawChart({ label: "", theme, panels: [{ plot, axes, marks: "" }] });
    const [, width] = /width="(\d+)"/.exec(svg)!.map(Number);
    const [, left, top] = /translate\((\d+) (\d+)\)/.exec(svg)!.map(Number);
    expect(left).toBeGreaterThan(24 + 60);
    expect(top).toBeGreaterThan(24 + 60);
    expect(width).toBeGreaterThan(left! + plot.width + 24 + 40);
  });
});
