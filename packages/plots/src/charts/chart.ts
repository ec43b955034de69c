import { margin, svgDocument, svgHeader, svgText } from "../svg/svg.js";
import { textWidth } from "../svg/text-layout.js";
import type { Theme } from "../svg/theme.js";
import { type Axis, axisRoom, drawAxis, type PlotSize } from "./axis.js";
import { drawLegend, type LegendKey } from "./legend.js";

/** One plot with its axes, title and legend. */
export interface Panel {
  readonly title?: string;
  /** Beside the title, quieter: what is measured, in what unit. */
  readonly note?: string | undefined;
  readonly legend?: readonly LegendKey[];
  readonly plot: PlotSize;
  readonly axes: readonly Axis[];
  /** SVG of the data, (0, 0) being the plot's upper left corner; drawn above the grid. */
  readonly marks: string;
}

/** Options of {@link drawChart}. */
export interface ChartOptions {
  readonly title?: string | undefined;
  readonly subtitle?: string | undefined;
  /** What a screen reader says. */
  readonly label: string;
  readonly theme: Theme;
  readonly panels: readonly Panel[];
  /** Panels side by side; all by default. */
  readonly columns?: number;
  readonly gap?: { readonly column: number; readonly row: number };
}

const titleStyle = { size: 14, bold: true };
const noteStyle = { size: 12.5 };
const titleHeight = 26;

/**
 * Draws panels in rows under a title, as an SVG document. Every chart of this package is drawn by it.
 *
 * Text is measured, so that axes, legends and titles take the room they need; the plots of a row begin at one height.
 */
export function drawChart(options: ChartOptions): string {
  const { theme, panels, columns = panels.length, gap = { column: 36, row: 26 } } = options;
  const widths = Array.from({ length: Math.min(columns, panels.length) }, (_, column) =>
    Math.max(...panels.filter((_, i) => i % columns === column).map(panelWidth)),
  );
  const width = 2 * margin + widths.reduce((sum, one) => sum + one, 0) + (widths.length - 1) * gap.column;
  const header = svgHeader(options, width, theme);
  const parts = [header.markup];
  let y = header.bottom;
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns);
    const plotTop = y + Math.max(...row.map((panel) => headHeight(panel, theme)));
    let x = margin;
    for (const [column, panel] of row.entries()) {
      parts.push(drawPanel(panel, { x, y, plotTop }, theme));
      x += widths[column]! + gap.column;
    }
    y = plotTop + Math.max(...row.map((panel) => panel.plot.height + room(panel, "bottom")));
    y += first + columns < panels.length ? gap.row : margin;
  }
  return svgDocument({ width, height: y }, options.label, theme, parts.join(""));
}

/** `markup` without what lies outside the plot. */
export function clipToPlot(markup: string, { width, height }: PlotSize): string {
  return `<svg width="${width}" height="${height}" overflow="hidden">${markup}</svg>`;
}

function drawPanel(
  panel: Panel,
  { x, y, plotTop }: { readonly x: number; readonly y: number; readonly plotTop: number },
  theme: Theme,
): string {
  const { title, note, legend = [], axes, plot, marks } = panel;
  const parts: string[] = [];
  if (title) {
    parts.push(svgText(title, { ...titleStyle, x, y: y + 12, fill: theme.ink }));
  }
  if (note) {
    const beside = title ? x + textWidth(title, titleStyle) + 10 : x;
    parts.push(svgText(note, { ...noteStyle, x: beside, y: y + 12, fill: theme.muted }));
  }
  if (legend.length > 0) {
    const top = y + (title || note ? titleHeight : 0);
    parts.push(`<g transform="translate(${x} ${top})">${drawLegend(legend, panelWidth(panel), theme).markup}</g>`);
  }
  const contents = [...axes.map((axis) => drawAxis(axis, plot, theme)), marks];
  parts.push(`<g transform="translate(${x + room(panel, "left")} ${plotTop})">${contents.join("")}</g>`);
  return parts.join("");
}

/** From the top of a panel to the top of its plot. */
function headHeight(panel: Panel, theme: Theme): number {
  const { title, note, legend = [] } = panel;
  const legendHeight = drawLegend(legend, panelWidth(panel), theme).height;
  return (title || note ? titleHeight : 0) + legendHeight + Math.max(8, room(panel, "top"));
}

function panelWidth(panel: Panel): number {
  return room(panel, "left") + panel.plot.width + room(panel, "right");
}

function room({ axes }: Panel, side: Axis["side"]): number {
  return axes.filter((axis) => axis.side === side).reduce((most, axis) => Math.max(most, axisRoom(axis)), 0);
}
