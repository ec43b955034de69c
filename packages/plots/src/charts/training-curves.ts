import { ConfigError } from "@mmgen/core";
import { checkWhole } from "../images/pixels.js";
import { type ThemeName, themeColors } from "../svg/theme.js";
import { drawChart } from "./chart.js";
import { type CurvePanel, curvePanel } from "./curve-panel.js";

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
export function trainingCurves(options: TrainingCurvesOptions): string {
  const { panels, title, subtitle, columns = Math.min(2, panels.length) } = options;
  if (panels.length === 0 || panels.some((panel) => panel.series.length === 0)) {
    throw new ConfigError("panels: expected at least one, and at least one series in each.");
  }
  checkWhole("columns", columns, 1);
  const theme = themeColors(options.theme);
  const drawn = panels.map((panel) => curvePanel(panel, theme));
  return drawChart({ title, subtitle, label: title ?? "Training curves", theme, panels: drawn, columns });
}
