import { ConfigError } from "@mmgen/core";
import { checkWhole } from "../images/pixels.js";
import { margin, svgDocument, svgHeader, svgText } from "../svg/svg.js";
import { textWidth } from "../svg/text-layout.js";
import { seriesColor, type Theme, type ThemeName, themeColors } from "../svg/theme.js";
import { renderPanel } from "./curve-panel.js";
import { type CurveSeries, type CurveValues, curvePoints, prepareCurve } from "./curve-points.js";
import { type LegendKey, svgLegend } from "./legend.js";

/** One set of axes. */
export interface CurvePanel {
  readonly title: string;
  readonly series: readonly CurveSeries[];
  /** What is measured and in what, beside the title: "loss, nats per id". */
  readonly yLabel?: string;
  /** What x counts; "step" by default. */
  readonly xLabel?: string;
  /** "log" shows ratios and needs values above 0; "linear" by default. */
  readonly scale?: "linear" | "log";
  /** Whether a linear scale starts at 0; false by default. */
  readonly fromZero?: boolean;
  /** Steps the moving average of a "steps" series spans; a fiftieth of the series by default. */
  readonly smoothing?: number;
  /** Learning rate by step: a thin dashed line with its axis at the right. */
  readonly learningRate?: CurveValues;
}

/** Options of {@link trainingCurves}. */
export interface TrainingCurvesOptions {
  readonly panels: readonly CurvePanel[];
  readonly title?: string;
  readonly subtitle?: string;
  /** Panels side by side; 2 by default, or 1 when there is but one. */
  readonly columns?: number;
  /** Colors; "light" by default. */
  readonly theme?: ThemeName;
}

const panelSize = { width: 440, height: 260 };
const gap = { column: 36, row: 26 };
const titleHeight = 26;

/**
 * Training curves in one or more panels, as SVG: every step's value faint, its moving average strong, test points as dots.
 *
 * Values that are not finite are left out, so that a run that diverged can be drawn. The few most extreme single steps
 * may leave the panel; the averages and the points never do.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a `ShapeError` when a series is empty or ragged; `DataError` when none of its values is finite;
 *   {@link ConfigError} when a logarithmic panel has values of 0 or less.
 */
export async function trainingCurves(options: TrainingCurvesOptions): Promise<string> {
  const { panels, columns = Math.min(2, panels.length) } = options;
  if (panels.length === 0 || panels.some((panel) => panel.series.length === 0)) {
    throw new ConfigError("panels: expected at least one, and at least one series in each.");
  }
  checkWhole("columns", columns, 1);
  const theme = themeColors(options.theme);
  const used = Math.min(columns, panels.length);
  const width = 2 * margin + used * panelSize.width + (used - 1) * gap.column;
  const header = svgHeader(options, width, theme);

  const parts = [header.markup];
  let y = header.bottom;
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns);
    const legends = row.map((panel) => svgLegend(legendKeys(panel, theme), panelSize.width, theme));
    const chartTop = titleHeight + Math.max(...legends.map(({ height }) => height)) + 4;
    for (const [i, panel] of row.entries()) {
      const left = margin + i * (panelSize.width + gap.column);
      const chart = await panelChart(panel, theme);
      parts.push(
        panelTitle(panel, left, y + 12, theme),
        `<g transform="translate(${left} ${y + titleHeight})">${legends[i]!.markup}</g>`,
        ownClipPaths(chart, `panel-${first + i + 1}`).replace("<svg ", `<svg x="${left}" y="${y + chartTop}" `),
      );
    }
    y += chartTop + panelSize.height + (first + columns < panels.length ? gap.row : margin / 2);
  }
  return svgDocument({ width, height: y }, options.title ?? "Training curves", theme, parts.join(""));
}

/** Ids of clip paths as `prefix-1`, `prefix-2` …: vega counts on from chart to chart, and charts share a document here. */
function ownClipPaths(chart: string, prefix: string): string {
  const ids = [...new Set(chart.match(/\bclip\d+\b/g))];
  return chart.replace(/\bclip\d+\b/g, (id) => `${prefix}-${ids.indexOf(id) + 1}`);
}

function panelTitle({ title, yLabel }: CurvePanel, x: number, y: number, theme: Theme): string {
  const style = { size: 14, bold: true };
  const name = svgText(title, { ...style, x, y, fill: theme.ink });
  const beside = x + textWidth(title, style) + 10;
  return yLabel ? name + svgText(yLabel, { x: beside, y, size: 12.5, fill: theme.muted }) : name;
}

function panelChart(panel: CurvePanel, theme: Theme): Promise<string> {
  const { scale = "linear", fromZero = false, xLabel = "step", learningRate } = panel;
  const curves = panel.series.map((series) => prepareCurve(series, scale, panel.smoothing));
  const rate = learningRate && { learningRate: curvePoints("learning rate", learningRate) };
  return renderPanel({ curves, scale, fromZero, xLabel, ...rate }, panelSize, theme);
}

function legendKeys(panel: CurvePanel, theme: Theme): LegendKey[] {
  const keys: LegendKey[] = panel.series.map(({ label, style }, i) => {
    return { label, color: seriesColor(i, theme), shape: style === "points" ? "dots" : "line" };
  });
  if (panel.learningRate) {
    keys.push({ label: "learning rate (right)", color: theme.muted, shape: "dashes" });
  }
  return keys;
}
