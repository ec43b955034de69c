import { DataError, ShapeError } from "@mmgen/core";
import { margin, round, svgDocument, svgHeader, svgText } from "../svg/svg.js";
import { type ThemeName, themeColors } from "../svg/theme.js";

/** How many of so many were right at a step. */
export interface AccuracyPoint {
  readonly step: number;
  readonly correct: number;
  readonly count: number;
}

/** Options of {@link accuracyChart}. */
export interface AccuracyChartOptions {
  /** In the order of their steps. */
  readonly points: readonly AccuracyPoint[];
  /** Shares to compare with, each a dashed line with its name. */
  readonly references?: readonly { readonly label: string; readonly share: number }[];
  readonly title?: string;
  readonly subtitle?: string;
  /** What the horizontal axis counts; "step" by default. */
  readonly xLabel?: string;
  /** Colors; "light" by default. */
  readonly theme?: ThemeName;
}

const plot = { width: 560, height: 280, left: 44, foot: 40 };
const small = { size: 11.5 };

/**
 * The half-width of an accuracy's 95 % interval: 1.96 standard errors, √(p(1 − p)/n).
 *
 * Near 0 and 1 it is too narrow, as it is for a handful of examples.
 */
export function accuracyMargin({ correct, count }: Pick<AccuracyPoint, "correct" | "count">): number {
  const share = correct / count;
  return 1.96 * Math.sqrt((share * (1 - share)) / count);
}

/**
 * Accuracy by step with its 95 % interval, ± {@link accuracyMargin}.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} without points; {@link DataError} for counts that no accuracy has.
 */
export function accuracyChart(options: AccuracyChartOptions): string {
  const { points, references = [], xLabel = "step" } = options;
  if (points.length === 0) {
    throw new ShapeError("points: expected at least one, got none.");
  }
  for (const { step, correct, count } of points) {
    const whole = [correct, count].every((value) => Number.isInteger(value) && value >= 0);
    if (!whole || count === 0 || correct > count || !Number.isFinite(step)) {
      throw new DataError(`points: expected right ≤ count, whole numbers, got ${correct} of ${count} at step ${step}.`);
    }
  }
  const theme = themeColors(options.theme);
  const width = 2 * margin + plot.left + plot.width;
  const header = svgHeader(options, width, theme);
  const [left, top] = [margin + plot.left, header.bottom + 8];
  const bottom = top + plot.height;
  const lastStep = points.reduce((last, { step }) => Math.max(last, step), 1) * 1.05;
  const shares = [
    ...points.flatMap((point) => [point.correct / point.count - accuracyMargin(point), point.correct / point.count]),
    ...references.map(({ share }) => share),
  ];
  const { low, step: tick } = axisFrom(shares.reduce((least, share) => Math.min(least, share), 1));
  const x = (step: number) => round(left + (step / lastStep) * plot.width);
  const y = (share: number) => round(bottom - ((Math.min(1, share) - low) / (1 - low)) * plot.height);

  const parts = [header.markup];
  for (let i = 0; low + i * tick <= 1 + 1e-9; i++) {
    const share = low + i * tick;
    parts.push(
      `<path d="M${left} ${y(share)}h${plot.width}" stroke="${i === 0 ? theme.muted : theme.line}"/>`,
      svgText(share.toFixed(2), { ...small, x: left - 8, y: y(share) + 4, fill: theme.muted, anchor: "end" }),
    );
  }
  for (const { label, share } of references) {
    parts.push(
      `<path d="M${left} ${y(share)}h${plot.width}" stroke="${theme.series[1]}" stroke-width="1.25" stroke-dasharray="4 3"/>`,
      svgText(label, { ...small, x: left + 4, y: y(share) - 5, fill: theme.series[1]! }),
    );
  }
  const color = theme.series[0]!;
  const line = points.map(({ step, correct, count }, i) => `${i === 0 ? "M" : "L"}${x(step)} ${y(correct / count)}`);
  parts.push(`<path d="${line.join("")}" fill="none" stroke="${color}" stroke-width="1.5"/>`);
  for (const point of points) {
    const share = point.correct / point.count;
    const half = accuracyMargin(point);
    const at = x(point.step);
    const whisker = `M${at} ${y(share + half)}V${y(share - half)}M${at - 4} ${y(share + half)}h8M${at - 4} ${y(share - half)}h8`;
    parts.push(
      `<path d="${whisker}" fill="none" stroke="${color}" stroke-width="1.5"/>`,
      `<circle cx="${at}" cy="${y(share)}" r="3.5" fill="${color}"><title>${point.correct} of ${point.count}</title></circle>`,
      svgText(String(point.step), { ...small, x: at, y: bottom + 18, fill: theme.muted, anchor: "middle" }),
    );
  }
  const center = { x: left + plot.width / 2, y: bottom + 36, anchor: "middle" as const };
  parts.push(svgText(xLabel, { ...small, ...center, fill: theme.muted }));
  return svgDocument(
    { width, height: bottom + plot.foot + margin / 2 },
    options.title ?? "Accuracy by step",
    theme,
    parts.join(""),
  );
}

/** Where the axis begins, at or below the least share, and a round step from there to 1. */
function axisFrom(least: number): { low: number; step: number } {
  const step = least > 0.9 ? 0.02 : least > 0.75 ? 0.05 : least > 0.5 ? 0.1 : 0.2;
  return { low: Math.max(0, Math.round(Math.floor(least / step + 1e-9) * step * 100) / 100), step };
}
