import { DataError, ShapeError } from "@mmgen/core";
import { fields, listOf, number, type OptionsOf, optional, resolveOptions, text, value } from "@mmgen/core/options";
import { scaleLinear } from "d3-scale";
import { figureFields } from "../svg/figure-options.js";
import { linePath, round, svgDot, svgPath, svgText } from "../svg/svg.js";
import { themeColors } from "../svg/theme.js";
import { type Axis, ticksAt, valueStyle } from "./axis.js";
import { drawChart } from "./chart.js";

/** Number of correct answers at a step. */
export interface AccuracyPoint {
  readonly step: number;
  readonly correct: number;
  readonly count: number;
}

/** Whether it is one that can be drawn is checked with the others of its point. */
const anyNumber = value<number>("a number", (candidate) => typeof candidate === "number");

const accuracyChartSchema = fields({
  /** In the order of their steps. */
  points: listOf(fields({ step: anyNumber, correct: anyNumber, count: anyNumber })),
  /** Accuracies to compare with, each a dashed line with its name. Default: none. */
  references: optional(listOf(fields({ label: text(), share: number({ min: 0, max: 1 }) })), []),
  /** What the horizontal axis counts; "step" by default. */
  xLabel: optional(text(), "step"),
  ...figureFields,
});

/** Options of {@link accuracyChart}. */
export type AccuracyChartOptions = OptionsOf<typeof accuracyChartSchema>;

const plot = { width: 560, height: 280 };

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
 * Draws accuracy by step with its 95 % interval, ± {@link accuracyMargin}, as SVG.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} without points; a {@link DataError} for counts that are no accuracy; a `ConfigError` for an
 *   unknown option.
 */
export function accuracyChart(options: AccuracyChartOptions): string {
  const {
    points,
    references,
    xLabel,
    title,
    subtitle,
    theme: themeName,
  } = resolveOptions(accuracyChartSchema, options);
  checkPoints(points);

  const theme = themeColors(themeName);
  const shareOf = (point: AccuracyPoint) => point.correct / point.count;
  const lows = points.map((point) => shareOf(point) - accuracyMargin(point));
  const shares = [...lows, ...references.map(({ share }) => share)];
  const lowest = Math.max(
    0,
    shares.reduce((low, share) => Math.min(low, share), 0.99),
  );
  const y = scaleLinear([lowest, 1], [plot.height, 0]).nice(5);
  const lastStep = points.reduce((last, { step }) => Math.max(last, step), 1);
  const x = scaleLinear([0, 1.05 * lastStep], [0, plot.width]);

  const lines = references.flatMap(({ label, share }) => [
    svgPath(`M0 ${round(y(share))}h${plot.width}`, { stroke: theme.series[1]!, width: 1.25, dash: "4 3" }),
    svgText(label, { ...valueStyle, x: 4, y: y(share) - 5, fill: theme.series[1]! }),
  ]);
  const color = theme.series[0]!;
  const path = linePath(points.map((point) => [x(point.step), y(shareOf(point))]));
  const marks = points.flatMap((point) => {
    const [at, share, half] = [round(x(point.step)), shareOf(point), accuracyMargin(point)];
    const [high, low] = [share + half, share - half].map((bound) => round(y(Math.min(1, bound))));
    return [
      svgPath(`M${at} ${high}V${low}M${at - 4} ${high}h8M${at - 4} ${low}h8`, { stroke: color, width: 1.5 }),
      svgDot([at, y(share)], color, `${point.correct} of ${point.count}`),
    ];
  });
  const axes: Axis[] = [
    { side: "left", ticks: ticksAt(y.ticks(5), y, y.tickFormat(5)), grid: true },
    {
      side: "bottom",
      ticks: points.map(({ step }) => ({ at: x(step), label: String(step) })),
      title: xLabel,
      line: "marked",
    },
  ];
  const panel = { plot, axes, marks: [...lines, svgPath(path, { stroke: color, width: 1.5 }), ...marks].join("") };
  return drawChart({ title, subtitle, label: title ?? "Accuracy by step", theme, panels: [panel] });
}

function checkPoints(points: readonly AccuracyPoint[]): void {
  if (points.length === 0) {
    throw new ShapeError("points: expected at least one, got none.");
  }
  for (const { step, correct, count } of points) {
    const isWhole = [correct, count].every((number) => Number.isInteger(number) && number >= 0);
    if (!isWhole || count === 0 || correct > count || !Number.isFinite(step)) {
      throw new DataError(
        `points: expected whole numbers, correct ≤ count, got ${correct} of ${count} at step ${step}.`,
      );
    }
  }
}
