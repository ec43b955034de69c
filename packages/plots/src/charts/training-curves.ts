import { fields, listOf, type OptionsOf, optional, resolveOptions } from "@mmgen/core/options";
import { countAboveZero, figureFields } from "../svg/figure-options.js";
import { themeColors } from "../svg/theme.js";
import { drawChart } from "./chart.js";
import { curvePanel, curvePanelSchema } from "./curve-panel.js";

const trainingCurvesSchema = fields({
  panels: listOf(curvePanelSchema, { minLength: 1 }),
  /** Panels side by side; 2 by default, or 1 for a single panel. */
  columns: optional(countAboveZero),
  ...figureFields,
});

/** Options of {@link trainingCurves}. */
export type TrainingCurvesOptions = OptionsOf<typeof trainingCurvesSchema>;

/**
 * Draws training curves in one or more panels, as SVG: every step's value faint, its moving average strong, test points as dots.
 *
 * Values that are not finite are left out, so that a run that diverged can be drawn. The few most extreme single steps
 * may leave the panel; the averages and the points never do.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a `ShapeError` when a series is empty or ragged; a `DataError` when none of its values is finite;
 *   a `ConfigError` when a logarithmic panel has values of 0 or less,
 *   or an option is unknown or out of range.
 */
export function trainingCurves(options: TrainingCurvesOptions): string {
  const config = resolveOptions(trainingCurvesSchema, options);
  const { panels, title, subtitle, columns = Math.min(2, panels.length) } = config;
  const theme = themeColors(config.theme);
  const drawn = panels.map((panel) => curvePanel(panel, theme));
  return drawChart({ title, subtitle, label: title ?? "Training curves", theme, panels: drawn, columns });
}
