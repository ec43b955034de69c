import { DataError, ShapeError } from "@mmgen/core";
import { escapeMarkup, margin, round, svgDocument, svgHeader, svgText } from "../svg/svg.js";
import { textWidth } from "../svg/text-layout.js";
import { type Theme, type ThemeName, themeColors } from "../svg/theme.js";

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

const label = { size: 12.5 };
const small = { size: 11 };

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
  const { counts, labels, columnLabels = labels, rowTitle = "asked for", columnTitle = "read as" } = options;
  checkCounts(counts, labels.length, columnLabels.length);
  const theme = themeColors(options.theme);
  const cell = columnLabels.length > 16 ? 24 : 36;
  const widest = (names: readonly string[]) => Math.ceil(Math.max(...names.map((name) => textWidth(name, label))));
  const upright = widest(columnLabels) > cell - 4;
  const labelHeight = upright ? widest(columnLabels) + 6 : 18;
  const labelWidth = Math.max(widest(labels), Math.ceil(textWidth(rowTitle, small))) + 12;
  const totals = counts.map((row) => Array.from(row).reduce((sum, count) => sum + count, 0));
  const totalWidth = widest(totals.map(String)) + 12;
  const left = margin + labelWidth;
  const width = left + columnLabels.length * cell + totalWidth + margin;
  const header = svgHeader(options, width, theme);
  const top = header.bottom + 20 + labelHeight;
  const middle = cell / 2 + 4.5;

  const parts = [
    header.markup,
    svgText(columnTitle, { ...small, x: left, y: header.bottom + 10, fill: theme.muted }),
    svgText(rowTitle, { ...small, x: left - 10, y: top - 8, fill: theme.muted, anchor: "end" }),
  ];
  for (const [column, name] of columnLabels.entries()) {
    const x = left + (column + 0.5) * cell;
    const turned = svgText(name, { ...label, x: 0, y: 4.5, fill: theme.ink });
    parts.push(
      upright
        ? `<g transform="translate(${x} ${top - 6}) rotate(-90)">${turned}</g>`
        : svgText(name, { ...label, x, y: top - 7, fill: theme.ink, anchor: "middle" }),
    );
  }
  for (const [row, name] of labels.entries()) {
    const y = top + row * cell;
    parts.push(svgText(name, { ...label, x: left - 10, y: y + middle, fill: theme.ink, anchor: "end" }));
    for (let column = 0; column < columnLabels.length; column++) {
      const share = totals[row]! > 0 ? counts[row]![column]! / totals[row]! : 0;
      const said = `${name} → ${columnLabels[column]}: ${counts[row]![column]}`;
      parts.push(svgCell(share, said, { x: left + column * cell, y, cell }, theme));
    }
    const end = { x: width - margin, y: y + middle, fill: theme.muted, anchor: "end" as const };
    parts.push(svgText(String(totals[row]), { ...small, ...end }));
  }
  const height = top + labels.length * cell + margin;
  return svgDocument({ width, height }, options.title ?? "Confusion matrix", theme, parts.join(""));
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
