import { DataError, ShapeError } from "@mmgen/core";
import { margin, round, svgDocument, svgHeader } from "../svg/svg.js";
import { categoryColor, type ThemeName, themeColors } from "../svg/theme.js";
import { svgLegend } from "./legend.js";

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
  const { positions, classes, classNames } = options;
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
  const width = 2 * margin + plot.side;
  const header = svgHeader(options, width, theme);
  const keys = classNames.map((label, i) => ({ label, color: categoryColor(i, theme), shape: "square" as const }));
  const legend = svgLegend(keys, plot.side, theme);
  const top = header.bottom + legend.height + 10;
  const [centerX, centerY] = [(left + right) / 2, (low + high) / 2];
  const room = plot.side - 4 * plot.radius;
  const place = (value: number, center: number) => plot.side / 2 + ((value - center) / span) * room;
  // One path a class, in an order that lays none wholly over the others.
  const dots = classNames.map(() => [] as string[]);
  for (let i = 0; i < count; i++) {
    const group = dots[classes[i]!];
    if (group === undefined) {
      throw new DataError(`classes: expected indices of ${classNames.length} class names, got ${classes[i]}.`);
    }
    const x = round(margin + place(xs![i]!, centerX));
    const y = round(top + plot.side - place(ys![i]!, centerY));
    group.push(`M${x} ${y}h0`);
  }
  const groups = dots.map(
    (paths, i) =>
      `<path d="${paths.join("")}" fill="none" stroke="${categoryColor(i, theme)}" stroke-opacity="0.75" ` +
      `stroke-width="${2 * plot.radius}" stroke-linecap="round"/>`,
  );
  const frame = `<rect x="${margin}" y="${top}" width="${plot.side}" height="${plot.side}" fill="none" stroke="${theme.line}"/>`;
  const body = `${header.markup}<g transform="translate(${margin} ${header.bottom})">${legend.markup}</g>${frame}${groups.join("")}`;
  return svgDocument({ width, height: top + plot.side + margin }, options.title ?? "Points by class", theme, body);
}

function least(values: readonly number[]): number {
  return values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
}
