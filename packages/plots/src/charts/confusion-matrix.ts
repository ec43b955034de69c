import { ShapeError } from "@mmgen/core";
import { fields, listOf, type OptionsOf, optional, resolveOptions, text } from "@mmgen/core/options";
import { figureFields, numbers, sumCounts, texts } from "../svg/figure-options.js";
import { escapeMarkup, round, svgText } from "../svg/svg.js";
import { type Theme, themeColors } from "../svg/theme.js";
import type { Axis } from "./axis.js";
import { drawChart } from "./chart.js";

const confusionMatrixSchema = fields({
  /** How often each row's class was taken for each column's, `[rows, columns]`; whole numbers of at least 0. */
  counts: listOf(numbers),
  /** Names of the rows; of the columns too, unless `columnLabels` are given. */
  labels: texts,
  /** Names of the columns. Default: those of the rows. */
  columnLabels: optional(texts),
  /** What a row is; "asked for" by default. */
  rowTitle: optional(text(), "asked for"),
  /** What a column is; "read as" by default. */
  columnTitle: optional(text(), "read as"),
  ...figureFields,
});

/** Options of {@link confusionMatrix}. */
export type ConfusionMatrixOptions = OptionsOf<typeof confusionMatrixSchema>;

/**
 * Draws a confusion matrix as SVG: each cell is shaded by its share of the row, written in per cent; the row's count is at
 * its end.
 *
 * A share that rounds to 0 is left blank. Rows without any count stay empty.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} when rows and labels differ in number, or rows in length; a `DataError` for a count
 *   that is not a whole number of at least 0.
 */
export function confusionMatrix(options: ConfusionMatrixOptions): string {
  const config = resolveOptions(confusionMatrixSchema, options);
  const { counts, labels, columnLabels = labels, rowTitle, columnTitle, title, subtitle } = config;
  const totals = countRows(counts, labels.length, columnLabels.length);
  const theme = themeColors(config.theme);
  const cell = columnLabels.length > 16 ? 24 : 36;
  const plot = { width: columnLabels.length * cell, height: labels.length * cell };
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

function svgCell(share: number, hint: string, place: { x: number; y: number; cell: number }, theme: Theme): string {
  const { x, y, cell } = place;
  const side = cell - 2;
  const percent = Math.round(share * 100);
  // On a cell of mostly the strong color, the number takes the background's.
  const fill = share > 0.5 ? theme.background : theme.ink;
  const size = cell > 30 ? 12 : 10;
  const center = { x: x + 1 + side / 2, y: y + 1 + side / 2 + size * 0.36 };
  const text = percent > 0 ? svgText(String(percent), { ...center, size, fill, anchor: "middle" }) : "";
  const shade = `fill="${theme.series[0]}" fill-opacity="${round(share)}"`;
  const box = `x="${x + 1}" y="${y + 1}" width="${side}" height="${side}" rx="3"`;
  return `<g><rect ${box} fill="${theme.line}" fill-opacity="0.45"/><rect ${box} ${shade}/>${text}<title>${escapeMarkup(hint)}</title></g>`;
}

/** The sum of each row. */
function countRows(counts: readonly ArrayLike<number>[], rows: number, columns: number): number[] {
  if (rows === 0 || columns === 0 || counts.length !== rows) {
    throw new ShapeError(
      `counts: expected one row for each label, at least one, got ${counts.length} rows and ${rows} labels.`,
    );
  }
  return counts.map((row, i) => {
    if (row.length !== columns) {
      throw new ShapeError(`counts: expected ${columns} columns in row ${i}, got ${row.length}.`);
    }
    return sumCounts(`counts, row ${i}`, row);
  });
}
