import { DataError, ShapeError } from "@mmgen/core";
import { fields, type OptionsOf, resolveOptions } from "@mmgen/core/options";
import { scaleLinear } from "d3-scale";
import { figureFields, numbers, texts } from "../svg/figure-options.js";
import { round, svgPath } from "../svg/svg.js";
import { categoryColor, themeColors } from "../svg/theme.js";
import { drawChart } from "./chart.js";
import { extent } from "./curve-points.js";

const embeddingPlotSchema = fields({
  /** Place of each point, `[points, 2]` row-major, in any unit; finite. */
  positions: numbers,
  /** The class of each point, `[points]`, an index into `classNames`. */
  classes: numbers,
  classNames: texts,
  ...figureFields,
});

/** Options of {@link embeddingPlot}. */
export type EmbeddingPlotOptions = OptionsOf<typeof embeddingPlotSchema>;

const plot = { side: 560, radius: 2.6 };

/**
 * Draws points in the plane colored by class, such as vectors reduced to two dimensions by t-SNE or UMAP, as SVG.
 *
 * Both axes have the same scale and no numbers, as only nearness has a meaning.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} without points, or when positions and classes differ in number; {@link DataError} for a
 *   position that is not finite or a class that has no name.
 */
export function embeddingPlot(options: EmbeddingPlotOptions): string {
  const config = resolveOptions(embeddingPlotSchema, options);
  const { positions, classes, classNames, title, subtitle } = config;
  const theme = themeColors(config.theme);
  const count = classes.length;
  if (count === 0 || positions.length !== 2 * count) {
    throw new ShapeError(
      `positions: expected two values for each class, at least one pair, got ${positions.length} for ${count}.`,
    );
  }
  const [xs, ys] = [0, 1].map((axis) => Array.from({ length: count }, (_, i) => positions[2 * i + axis]!));
  const [left, right] = extent(xs!);
  const [low, high] = extent(ys!);
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
