import { round, svgText } from "../svg/svg.js";
import { textWidth } from "../svg/text-layout.js";
import type { Theme } from "../svg/theme.js";

/** Width and height of the area that data are drawn on, in CSS pixels. */
export interface PlotSize {
  readonly width: number;
  readonly height: number;
}

/** A label of an axis. */
export interface Tick {
  /** CSS pixels from the plot's left edge, or from its upper edge on an axis at the left or the right. */
  readonly at: number;
  readonly label: string;
}

/** Labels along one side of a plot. */
export interface Axis {
  readonly side: "left" | "right" | "bottom" | "top";
  readonly ticks: readonly Tick[];
  /** Beneath a bottom axis, centered; above the labels of any other. */
  readonly title?: string;
  /** "names" are set larger than "values", the default, and are never left out. */
  readonly labels?: "values" | "names";
  /** A line across the plot at each tick. */
  readonly grid?: boolean;
  /** A line along the plot: "marked" has a short mark at each tick. */
  readonly line?: "plain" | "marked";
}

/** The style of small text on a plot: values of axes, labels of reference lines. */
export const valueStyle = { size: 11.5 };
const nameStyle = { size: 12.5 };

const labelGap = 8;
/** Least room for values at the left, so that plots one below the other mostly begin at one x. */
const minLeftRoom = 44;

/** Ticks at `values`, placed by `scale` and written by `format`. */
export function ticksAt(
  values: readonly number[],
  scale: (value: number) => number,
  format: (value: number) => string,
): Tick[] {
  return values.map((value) => ({ at: scale(value), label: format(value) }));
}

/** CSS pixels that an axis takes beside its plot. */
export function axisRoom({ side, ticks, title, labels = "values" }: Axis): number {
  const widest = Math.ceil(maxLabelWidth(ticks, labels));
  switch (side) {
    case "left": {
      const titled = title === undefined ? 0 : Math.ceil(textWidth(title, valueStyle));
      const room = Math.max(widest, titled) + labelGap;
      return labels === "values" ? Math.max(minLeftRoom, room) : room + 2;
    }
    case "right":
      return widest + labelGap;
    case "bottom":
      return (ticks.length > 0 ? 22 : 6) + (title === undefined ? 0 : 18);
    case "top":
      return (isTurned(ticks) ? widest + 10 : 22) + (title === undefined ? 0 : 16);
  }
}

/** An axis as SVG, (0, 0) being the plot's upper left corner. */
export function drawAxis(axis: Axis, plot: PlotSize, theme: Theme): string {
  const isVertical = axis.side === "left" || axis.side === "right";
  return [
    axis.grid ? drawGrid(axis.ticks, plot, isVertical, theme) : "",
    axis.line ? drawLine(axis, plot, theme) : "",
    ...(isVertical ? verticalLabels(axis, plot, theme) : horizontalLabels(axis, plot, theme)),
    axis.title === undefined ? "" : drawTitle(axis, axis.title, plot, theme),
  ].join("");
}

function drawGrid(ticks: readonly Tick[], { width, height }: PlotSize, isVertical: boolean, theme: Theme): string {
  const lines = ticks.map(({ at }) => (isVertical ? `M0 ${crisp(at)}h${width}` : `M${crisp(at)} 0v${height}`));
  return `<path d="${lines.join("")}" stroke="${theme.line}"/>`;
}

/** The line of a bottom axis; the other sides have none. */
function drawLine({ ticks, line }: Axis, { width, height }: PlotSize, theme: Theme): string {
  const marks = line === "marked" ? ticks.map(({ at }) => `M${crisp(at)} ${height + 0.5}v4`) : [];
  return `<path d="M0 ${height + 0.5}h${width}${marks.join("")}" stroke="${theme.muted}"/>`;
}

function verticalLabels({ side, ticks, labels = "values" }: Axis, { width }: PlotSize, theme: Theme): string[] {
  const { style, fill } = labelStyle(labels, theme);
  const place = side === "left" ? { x: -labelGap, anchor: "end" as const } : { x: width + labelGap };
  return ticks.map(({ at, label }) => svgText(label, { ...style, ...place, y: at + 0.35 * style.size, fill }));
}

function horizontalLabels(axis: Axis, { height }: PlotSize, theme: Theme): string[] {
  const { side, labels = "values" } = axis;
  const { style, fill } = labelStyle(labels, theme);
  const ticks = labels === "values" ? withoutOverlaps(axis.ticks) : axis.ticks;
  if (side === "top" && isTurned(ticks)) {
    return ticks.map(({ at, label }) => {
      const text = svgText(label, { ...style, x: 0, y: 0.35 * style.size, fill });
      return `<g transform="translate(${round(at)} -8) rotate(-90)">${text}</g>`;
    });
  }
  const y = side === "top" ? -8 : height + 18;
  return ticks.map(({ at, label }) => svgText(label, { ...style, x: at, y, fill, anchor: "middle" }));
}

function drawTitle(axis: Axis, title: string, { width, height }: PlotSize, theme: Theme): string {
  const style = { ...valueStyle, fill: theme.muted };
  switch (axis.side) {
    case "bottom":
      return svgText(title, { ...style, x: width / 2, y: height + axisRoom(axis) - 4, anchor: "middle" });
    case "top":
      return svgText(title, { ...style, x: 0, y: 10 - axisRoom(axis) });
    case "left":
      return svgText(title, { ...style, x: -labelGap, y: -8, anchor: "end" });
    case "right":
      return svgText(title, { ...style, x: width + labelGap, y: -8 });
  }
}

/** Every label where there is room for all, else every second, third … */
function withoutOverlaps(ticks: readonly Tick[]): readonly Tick[] {
  const room = maxLabelWidth(ticks, "values") + labelGap;
  const every = Math.max(1, Math.ceil(room / minSpacing(ticks)));
  return ticks.filter((_, i) => i % every === 0);
}

/** Whether the names above a plot are too wide to stand side by side. */
function isTurned(ticks: readonly Tick[]): boolean {
  return maxLabelWidth(ticks, "names") > minSpacing(ticks) - 4;
}

function minSpacing(ticks: readonly Tick[]): number {
  return ticks.slice(1).reduce((least, { at }, i) => Math.min(least, Math.abs(at - ticks[i]!.at)), Number.MAX_VALUE);
}

function maxLabelWidth(ticks: readonly Tick[], labels: "values" | "names"): number {
  const style = labels === "names" ? nameStyle : valueStyle;
  return ticks.reduce((widest, { label }) => Math.max(widest, textWidth(label, style)), 0);
}

function labelStyle(labels: "values" | "names", theme: Theme) {
  return labels === "names" ? { style: nameStyle, fill: theme.ink } : { style: valueStyle, fill: theme.muted };
}

/** The middle of a pixel, so that a line of one pixel fills one. */
function crisp(at: number): number {
  return Math.round(at) + 0.5;
}
