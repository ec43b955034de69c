import { DataError, ShapeError } from "@mmgen/core";
import { escapeMarkup, round, svgText } from "../svg/svg.js";
import { type Theme, type ThemeName, themeColors } from "../svg/theme.js";
import type { Axis } from "./axis.js";
import { drawChart } from "./chart.js";

/** Options of {@link confusionMatrix}. */
export interface ConfusionMatrixOptions {
  /** How often each row's class was taken for each column's, `[rows, columns]`; whole numbers of at least 0. */
  readonly counts: readonly ArrayLike<number>[];
  /** Names of the rows; of the columns too, unless `columnLabels` are given. */
  readonly labels: readonly string[];
  readonly columnLabels?: readonly string[];
  /** What a row stands for; "asked for" by default. */
  readonly rowTitle?: string;
  /** What a column stands for; "read as" by default. */
  readonly columnTitle?: string;
  readonly title?: string;
  readonly subtitle?: string;
  /** Colors; "light" by default. */
  readonly theme?: ThemeName;
}

/**
 * A confusion matrix, shaded and written by row: each cell is its share of the row in per cent, the row's count at its end.
 *
 * A share that rounds to 0 is left blank. Rows without any count stay empty.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} when rows and labels differ in number, or rows in length; {@link DataError} for a count
 *   that is not a whole number of at least 0.
 */
export function confusionMatrix(options: ConfusionMatrixOptions): string {
  const {
    counts,
    labels,
    columnLabels = labels,
    rowTitle = "asked for",
    columnTitle = "read as",
    title,
    subtitle,
  } = options;
  checkCounts(counts, labels.length, columnLabels.length);
  const theme = themeColors(options.theme);
  const cell = columnLabels.length > 16 ? 24 : 36;
  const plot = { width: columnLabels.length * cell, height: labels.length * cell };
  const totals = counts.map((row) => Array.from(row).reduce((sum, count) => sum + count, 0));
  const centered = (names: readonly string[]) => names.map((label, i) => ({ at: (i + 0.5) * cell, label }));
  const axes: Axis[] = [
    { side: "top", ticks: centered(columnLabels), title: columnTitle, labels: "names" },
    { side: "left", ticks: centered(labels), title: rowTitle, labels: "names" },
    { side: "right", ticks: centered(totals.map(String)) },
  ];
  const cells = labels.flatMap((name, row) =>
    columnLabels.map((columnName, column) => {
      const count = counts[row]![column]!;
      const place = { x: column * cell, y: row * cell, cell };
      return svgCell(count / Math.max(1, totals[row]!), `${name} → ${columnName}: ${count}`, place, theme);
    }),
  );
  const panel = { plot, axes, marks: cells.join("") };
  return drawChart({ title, subtitle, label: title ?? "Confusion matrix", theme, panels: [panel] });
}

function svgCell(share: number, said: string, place: { x: number; y: number; cell: number }, theme: Theme): string {
  const { x, y, cell } = place;
  const side = cell - 2;
  const percent = Math.round(share * 100);
  // Where more than half of a cell's color is the strong one, its number is written in the ground's.
  const fill = share > 0.5 ? theme.background : theme.ink;
  const size = cell > 30 ? 12 : 10;
  const center = { x: x + 1 + side / 2, y: y + 1 + side / 2 + size * 0.36 };
  const text = percent > 0 ? svgText(String(percent), { ...center, size, fill, anchor: "middle" }) : "";
  const shade = `fill="${theme.series[0]}" fill-opacity="${round(share)}"`;
  const box = `x="${x + 1}" y="${y + 1}" width="${side}" height="${side}" rx="3"`;
  return `<g><rect ${box} fill="${theme.line}" fill-opacity="0.45"/><rect ${box} ${shade}/>${text}<title>${escapeMarkup(said)}</title></g>`;
}

function checkCounts(counts: readonly ArrayLike<number>[], rows: number, columns: number): void {
  if (rows === 0 || columns === 0 || counts.length !== rows) {
    throw new ShapeError(
      `counts: expected one row a label, at least one, got ${counts.length} rows and ${rows} labels.`,
    );
  }
  for (const [i, row] of counts.entries()) {
    if (row.length !== columns) {
      throw new ShapeError(`counts: expected ${columns} columns in row ${i}, got ${row.length}.`);
    }
    const wrong = Array.from(row).find((count) => !Number.isInteger(count) || count < 0);
    if (wrong !== undefined) {
      throw new DataError(`counts: expected whole numbers of at least 0, got ${wrong} in row ${i}.`);
    }
  }
}
