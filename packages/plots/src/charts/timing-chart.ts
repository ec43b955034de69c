import { ConfigError } from "@mmgen/core";
import { fields, listOf, type OptionsOf, oneOf, optional, resolveOptions, text } from "@mmgen/core/options";
import { figureFields } from "../svg/figure-options.js";
import { curveValueFields } from "./curve-points.js";
import { trainingCurves } from "./training-curves.js";

const timingChartSchema = fields({
  /** Ways of doing one thing, each with its times in milliseconds at each size `x`. */
  series: listOf(fields({ label: text(), ...curveValueFields }), { minLength: 1 }),
  /** "Time" by default. */
  title: optional(text(), "Time"),
  /** What x counts; "ids generated" by default. */
  xLabel: optional(text(), "ids generated"),
  /** "linear", from 0, by default; "log" shows ratios. */
  scale: optional(oneOf(["linear", "log"]), "linear"),
  /** Colors; "light" by default. */
  theme: figureFields.theme,
});

/** Options of {@link timingChart}. */
export type TimingChartOptions = OptionsOf<typeof timingChartSchema>;

/**
 * Draws time against size for several ways of doing one thing (with a cache and without), as SVG.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ConfigError} for a time below 0 or an unknown option; as {@link trainingCurves} otherwise.
 */
export function timingChart(options: TimingChartOptions): string {
  const { series, title, xLabel, scale, theme } = resolveOptions(timingChartSchema, options);
  for (const { label, y } of series) {
    const wrong = Array.from(y).find((time) => time < 0);
    if (wrong !== undefined) {
      throw new ConfigError(`series "${label}": expected times of at least 0 ms, got ${wrong}.`);
    }
  }
  const points = series.map((one) => ({ ...one, style: "points" as const }));
  return trainingCurves({ panels: [{ title, yLabel: "ms", series: points, xLabel, scale, fromZero: true }], theme });
}
