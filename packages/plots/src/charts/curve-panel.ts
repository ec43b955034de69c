import type { TopLevelSpec } from "vega-lite";
import { fontFamily } from "../svg/text-layout.js";
import { seriesColor, type Theme } from "../svg/theme.js";
import type { Point, PreparedCurve } from "./curve-points.js";

/** Axes and what stands on them. */
export interface PanelContent {
  readonly curves: readonly PreparedCurve[];
  readonly scale: "linear" | "log";
  readonly xLabel: string;
  /** Whether a linear axis starts at 0. */
  readonly fromZero: boolean;
  /** A dashed line with its own axis at the right. */
  readonly learningRate?: readonly Point[];
}

/** Room for axis labels, fixed: without a canvas vega can only guess how wide text is. */
const padding = { left: 44, right: 22, rightAxis: 48, top: 6, bottom: 42 };
const fontSize = 11.5;

/** Draws one panel as an SVG of `size`, its background left open. Loads vega on first use, about 0.2 s. */
export async function renderPanel(
  content: PanelContent,
  size: { readonly width: number; readonly height: number },
  theme: Theme,
): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const { spec } = vegaLite.compile(panelSpec(content, size, theme));
  const view = new vega.View(vega.parse(spec), { renderer: "none", logLevel: vega.Error });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

function panelSpec(content: PanelContent, size: { width: number; height: number }, theme: Theme): TopLevelSpec {
  const { scale, curves, xLabel, learningRate } = content;
  const right = learningRate ? padding.rightAxis : padding.right;
  const x = {
    field: "x",
    type: "quantitative" as const,
    scale: { domain: xDomain(content), nice: false, zero: false },
    axis: { title: xLabel, grid: false, tickCount: 6, format: ",~f", titlePadding: 8 },
  };
  const domain = yDomain(content);
  const ticks = scale === "log" ? { values: logTicks(domain) } : { tickCount: 5 };
  const y = {
    field: "y",
    type: "quantitative" as const,
    scale: { type: scale, domain, nice: false },
    axis: { title: null, format: yFormat(domain, scale), domain: false, ticks: false, ...ticks },
  };
  const layer = (values: readonly Point[], mark: object) => ({
    data: { values: values as Point[] },
    mark: { clip: true, ...mark } as never,
    encoding: { x, y },
  });
  const marks = curves.flatMap(({ style, raw, smooth }, i) => {
    const line = { type: "line", color: seriesColor(i, theme), strokeJoin: "round", strokeCap: "round" };
    const dots = { type: "point", filled: true, size: 38, opacity: 1, color: seriesColor(i, theme), clip: false };
    return style === "steps"
      ? [layer(raw, { ...line, strokeWidth: 0.75, opacity: 0.3 }), layer(smooth, { ...line, strokeWidth: 2 })]
      : [layer(raw, { ...line, strokeWidth: 1.5 }), layer(raw, dots)];
  });
  const rate = (values: readonly Point[]) => ({
    data: { values: values as Point[] },
    mark: { type: "line" as const, strokeDash: [4, 3], strokeWidth: 1.25, opacity: 0.7, color: theme.muted },
    encoding: {
      x,
      y: {
        ...y,
        scale: { domain: [0, 1.05 * Math.max(...values.map((point) => point.y))], nice: false },
        axis: {
          ...{ title: null, orient: "right" as const, tickCount: 4, grid: false, domain: false, ticks: false },
          labelExpr: "datum.value === 0 ? '0' : format(datum.value, '~e')",
        },
      },
    },
  });
  return {
    width: size.width - padding.left - right,
    height: size.height - padding.top - padding.bottom,
    padding: { left: padding.left, right, top: padding.top, bottom: padding.bottom },
    autosize: { type: "none" },
    // The strong lines lie above the faint ones of every series.
    layer: [{ layer: marks }, ...(learningRate ? [rate(learningRate)] : [])],
    resolve: { scale: { y: "independent" } },
    config: {
      font: fontFamily,
      background: "transparent",
      view: { stroke: null },
      axis: {
        labelFontSize: fontSize,
        titleFontSize: fontSize,
        titleFontWeight: "normal",
        labelColor: theme.muted,
        titleColor: theme.muted,
        gridColor: theme.line,
        domainColor: theme.muted,
        tickColor: theme.muted,
        tickSize: 4,
        labelPadding: 6,
        labelFlush: false,
        labelOverlap: false,
      },
    },
  };
}

/** From 0, or the first value where that is far from 0, to the last. */
function xDomain({ curves, learningRate = [] }: PanelContent): [number, number] {
  const [low, high] = extent([...curves.flatMap(({ raw }) => raw), ...learningRate].map((point) => point.x));
  const start = low > 0 && low < 0.1 * high ? 0 : low;
  return high > start ? [start, high] : [start - 0.5, start + 0.5];
}

/** What smoothed lines and points need, and all but the most extreme hundredth of the raw values at either end. */
function yDomain({ curves, scale, fromZero }: PanelContent): [number, number] {
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

function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}
