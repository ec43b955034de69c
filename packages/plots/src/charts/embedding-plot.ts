import { DataError, ShapeError } from "@mmgen/core";
import { scaleLinear } from "d3-scale";
import { round, svgPath } from "../svg/svg.js";
import { categoryColor, type ThemeName, themeColors } from "../svg/theme.js";
import { drawChart } from "./chart.js";

/** Options of {@link embeddingPlot}. */
export interface EmbeddingPlotOptions {
  /** Where each point lies, `[points, 2]` row-major, in any unit; finite. */
  readonly positions: ArrayLike<number>;
  /** The class of each point, `[points]`, an index into `classNames`. */
  readonly classes: ArrayLike<number>;
  readonly classNames: readonly string[];
  readonly title?: string;
  readonly subtitle?: string;
  /** Colors; "light" by default. */
  readonly theme?: ThemeName;
}

const plot = { side: 560, radius: 2.6 };

/**
 * Points in the plane colored by class: what t-SNE or UMAP made of vectors of more dimensions.
 *
 * Both axes have the same scale and no numbers, as only nearness has a meaning.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} without points, or when positions and classes differ in number; {@link DataError} for a
 *   position that is not finite or a class that has no name.
 */
export function embeddingPlot(options: EmbeddingPlotOptions): string {
  const { positions, classes, classNames, title, subtitle } = options;
  const theme = themeColors(options.theme);
  const count = classes.length;
  if (count === 0 || positions.length !== 2 * count) {
    throw new ShapeError(
      `positions: expected two values a class, at least one pair, got ${positions.length} for ${count}.`,
    );
  }
  const [xs, ys] = [0, 1].map((axis) => Array.from({ length: count }, (_, i) => positions[2 * i + axis]!));
  const [left, right, low, high] = [least(xs!), -least(xs!.map((x) => -x)), least(ys!), -least(ys!.map((y) => -y))];
  if (![...xs!, ...ys!].every(Number.isFinite)) {
    throw new DataError("positions: expected finite numbers.");
  }
  const span = Math.max(right - left, high - low) || 1;
  const keys = classNames.map((label, i) => ({ label, color: categoryColor(i, theme), shape: "square" as const }));
  // Both axes have one scale, and the points' middle is the plot's.
  const edge = 2 * plot.radius;
  const along = (low: number, high: number, range: [number, number]) =>
    scaleLinear([(low + high - span) / 2, (low + high + span) / 2], range);
  const x = along(left, right, [edge, plot.side - edge]);
  const y = along(low, high, [plot.side - edge, edge]);
  // One path a class: a document of as few bytes as may be.
  const dots = classNames.map(() => [] as string[]);
  for (let i = 0; i < count; i++) {
    const group = dots[classes[i]!];
    if (group === undefined) {
      throw new DataError(`classes: expected indices of ${classNames.length} class names, got ${classes[i]}.`);
    }
    group.push(`M${round(x(xs![i]!))} ${round(y(ys![i]!))}h0`);
  }
  const groups = dots.map(
    (paths, i) =>
      `<path d="${paths.join("")}" fill="none" stroke="${categoryColor(i, theme)}" stroke-opacity="0.75" ` +
      `stroke-width="${2 * plot.radius}" stroke-linecap="round"/>`,
  );
  const size = { width: plot.side, height: plot.side };
  const frame = svgPath(`M0.5 0.5h${plot.side - 1}v${plot.side - 1}h${1 - plot.side}z`, { stroke: theme.line });
  const panel = { plot: size, legend: keys, axes: [], marks: frame + groups.join("") };
  return drawChart({ title, subtitle, label: title ?? "Points by class", theme, panels: [panel] });
}

function least(values: readonly number[]): number {
  return values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
}
