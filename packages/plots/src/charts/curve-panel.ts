import { boolean, type ConfigOf, fields, number, type OptionsOf, oneOf, optional, text } from "@mmgen/core/options";
import { format } from "d3-format";
import { scaleLinear, scaleLog } from "d3-scale";
import { linePath, svgDot, svgPath } from "../svg/svg.js";
import { seriesColor, type Theme } from "../svg/theme.js";
import { type Axis, axisRoom, ticksAt } from "./axis.js";
import { clipToPlot, type Panel } from "./chart.js";
import {
  curvePoints,
  curveSeriesList,
  curveValueFields,
  extent,
  type Point,
  type PreparedCurve,
  prepareCurve,
} from "./curve-points.js";
import type { LegendKey } from "./legend.js";

/** Schema of {@link CurvePanel}. */
export const curvePanelSchema = fields({
  title: text(),
  series: curveSeriesList,
  /** What is measured and in what unit, beside the title: "loss, nats per id". Default: none. */
  yLabel: optional(text()),
  /** What x counts; "step" by default. */
  xLabel: optional(text(), "step"),
  /** "log" shows ratios and needs values above 0; "linear" by default. */
  scale: optional(oneOf(["linear", "log"]), "linear"),
  /** Whether a linear scale starts at 0; false by default. */
  fromZero: optional(boolean(), false),
  /** Steps the moving average of a "steps" series spans; a fiftieth of the series by default. */
  smoothing: optional(number({ min: 1 })),
  /** Learning rate by step: a thin dashed line with its axis at the right. Default: none. */
  learningRate: optional(fields(curveValueFields)),
});

/** One set of axes with its curves. */
export type CurvePanel = OptionsOf<typeof curvePanelSchema>;

/** Width with the axes, height without. */
const size = { width: 440, height: 214 };

/** Curves on their axes: values faint, averages strong above all of them, points as dots on top. */
export function curvePanel(panel: ConfigOf<typeof curvePanelSchema>, theme: Theme): Panel {
  const { title, yLabel, xLabel, scale, fromZero, smoothing } = panel;
  const curves = panel.series.map((series) => prepareCurve(series, scale, smoothing));
  const rates = panel.learningRate && curvePoints("learning rate", panel.learningRate);
  const yAxis = valueAxis(yDomain(curves, scale, fromZero), scale, size.height);
  const rateAxis = rates && learningRateAxis(rates, size.height);
  const axes = rateAxis ? [yAxis.axis, rateAxis.axis] : [yAxis.axis];
  const width = size.width - axes.reduce((sum, axis) => sum + axisRoom(axis), 0);
  const x = scaleLinear(xDomain([...curves.flatMap(({ raw }) => raw), ...(rates ?? [])]), [0, width]);
  const xAxis: Axis = { side: "bottom", ticks: ticksAt(x.ticks(6), x, format(",~f")), title: xLabel, line: "marked" };

  const y = yAxis.scale;
  const along = (points: readonly Point[]) => linePath(points.map((point) => [x(point.x), y(point.y)]));
  const stroke = (i: number) => seriesColor(i, theme);
  const faint = curves.map(({ style, raw }, i) =>
    style === "steps" ? svgPath(along(raw), { stroke: stroke(i), width: 0.75, opacity: 0.3 }) : "",
  );
  const strong = curves.map(({ style, raw, smooth }, i) =>
    style === "steps"
      ? svgPath(along(smooth), { stroke: stroke(i), width: 2 })
      : svgPath(along(raw), { stroke: stroke(i), width: 1.5 }),
  );
  if (rates && rateAxis) {
    const d = linePath(rates.map((point) => [x(point.x), rateAxis.scale(point.y)]));
    faint.push(svgPath(d, { stroke: theme.muted, width: 1.25, opacity: 0.7, dash: "4 3" }));
  }
  const dots = curves.flatMap(({ style, raw }, i) => {
    const { label } = panel.series[i]!;
    return (style === "points" ? raw : []).map((point) =>
      svgDot([x(point.x), y(point.y)], stroke(i), `${label}: ${point.y} at ${point.x}`),
    );
  });
  const plot = { width, height: size.height };
  const marks = clipToPlot([...faint, ...strong].join(""), plot) + dots.join("");
  return { title, note: yLabel, legend: legendKeys(panel, theme), plot, axes: [...axes, xAxis], marks };
}

interface ScaledAxis {
  readonly axis: Axis;
  readonly scale: (value: number) => number;
}

function valueAxis(domain: [number, number], kind: "linear" | "log", height: number): ScaledAxis {
  const scale = (kind === "log" ? scaleLog : scaleLinear)(domain, [height, 0]);
  const values = kind === "log" ? logTicks(domain) : scale.ticks(5);
  return { axis: { side: "left", ticks: ticksAt(values, scale, format(yFormat(domain, kind))), grid: true }, scale };
}

function learningRateAxis(rates: readonly Point[], height: number): ScaledAxis {
  const [, high] = extent(rates.map(({ y }) => y));
  const scale = scaleLinear([0, high > 0 ? 1.05 * high : 1], [height, 0]);
  const power = format("~e");
  const ticks = ticksAt(scale.ticks(4), scale, (value) => (value === 0 ? "0" : power(value)));
  return { axis: { side: "right", ticks }, scale };
}

function legendKeys(panel: ConfigOf<typeof curvePanelSchema>, theme: Theme): LegendKey[] {
  const keys: LegendKey[] = panel.series.map(({ label, style }, i) => {
    return { label, color: seriesColor(i, theme), shape: style === "points" ? "dots" : "line" };
  });
  if (panel.learningRate) {
    keys.push({ label: "learning rate (right)", color: theme.muted, shape: "dashes" });
  }
  return keys;
}

/** From 0, or the first value where that is far from 0, to the last. */
function xDomain(points: readonly Point[]): [number, number] {
  const [low, high] = extent(points.map((point) => point.x));
  const start = low > 0 && low < 0.1 * high ? 0 : low;
  return high > start ? [start, high] : [start - 0.5, start + 0.5];
}

/** What smoothed lines and points need, and all but the most extreme hundredth of the raw values at either end. */
function yDomain(curves: readonly PreparedCurve[], scale: "linear" | "log", fromZero: boolean): [number, number] {
  const needed = curves.flatMap(({ style, raw, smooth }) => {
    const values = raw.map((point) => point.y);
    return style === "points" ? values : [...smooth.map((point) => point.y), ...withoutExtremes(values)];
  });
  const along = scale === "log" ? Math.log : (value: number) => value;
  const back = scale === "log" ? Math.exp : (value: number) => value;
  const [low, high] = extent(needed.map(along));
  const margin = high > low ? 0.05 * (high - low) : 0.5;
  const start = fromZero && scale === "linear" ? Math.min(0, low) : back(low - margin);
  return [start, back(high + margin)];
}

/** Plain decimals where they are short; else, and on logarithmic axes beyond them, powers of ten. */
function yFormat([low, high]: [number, number], scale: "linear" | "log"): string {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  if (scale === "log") {
    return low >= 1e-4 && high < 1e6 ? "~r" : "~e";
  }
  return high - low >= 1e-3 && largest < 1e6 ? ",~f" : "~e";
}

/** 1, 2 and 5 times the powers of ten within the domain; the powers alone when there are many. */
function logTicks([low, high]: [number, number]): number[] {
  const decades = Math.log10(high / low);
  const steps = decades > 3 ? [1] : decades > 0.5 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    // Through text, as 10 ** -3 * 5 is not the nearest number to 0.005.
    ticks.push(...steps.map((step) => Number(`${step}e${power}`)));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

function withoutExtremes(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const cut = Math.floor(sorted.length / 100);
  return sorted.slice(cut, sorted.length - cut);
}
