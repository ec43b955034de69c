import { ConfigError } from "@mmgen/core";
import type { ThemeName } from "../svg/theme.js";
import type { CurveValues } from "./curve-points.js";
import { trainingCurves } from "./training-curves.js";

/** Options of {@link timingChart}. */
export interface TimingChartOptions {
  /** One way of doing the job a series: its times, in milliseconds, at each size `x`. */
  readonly series: readonly (CurveValues & { readonly label: string })[];
  readonly title?: string;
  /** What x counts; "ids generated" by default. */
  readonly xLabel?: string;
  /** "linear", from 0, by default; "log" shows ratios. */
  readonly scale?: "linear" | "log";
  readonly theme?: ThemeName;
}

/**
 * Time against size for several ways of doing one thing (with a cache and without), as SVG.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ConfigError} for a time below 0; as {@link trainingCurves} otherwise.
 */
export function timingChart(options: TimingChartOptions): string {
  const { series, title = "Time", xLabel = "ids generated", scale = "linear", theme = "light" } = options;
  for (const { label, y } of series) {
    const wrong = Array.from(y).find((time) => time < 0);
    if (wrong !== undefined) {
      throw new ConfigError(`series "${label}": expected times of at least 0 ms, got ${wrong}.`);
    }
  }
  const points = series.map((one) => ({ ...one, style: "points" as const }));
  return trainingCurves({ panels: [{ title, yLabel: "ms", series: points, xLabel, scale, fromZero: true }], theme });
}
