import { DataError, ShapeError } from "@mmgen/core";
import { checkWhole } from "../images/pixels.js";
import { escapeMarkup, margin, round, svgDocument, svgHeader, svgText } from "../svg/svg.js";
import { textWidth } from "../svg/text-layout.js";
import { categoryColor, type Theme, type ThemeName, themeColors } from "../svg/theme.js";

/** Sequences that one logo stands for. */
export interface LogoGroup {
  /** What they have in common: "digit 7". */
  readonly label: string;
  /** How often each letter stands at each position, `[positions][alphabet]`; whole numbers of at least 0. */
  readonly counts: readonly ArrayLike<number>[];
}

/** Options of {@link sequenceLogos}. */
export interface SequenceLogosOptions {
  /** One logo each; all of one number of positions. */
  readonly groups: readonly LogoGroup[];
  /** The letters, in the order of the counts. */
  readonly alphabet: string;
  readonly title?: string;
  readonly subtitle?: string;
  /** Logos side by side; 5 by default. */
  readonly columns?: number;
  /** Colors; "light" by default. */
  readonly theme?: ThemeName;
}

const logo = { height: 120, column: 21, gapColumn: 26, gapRow: 54 };
const small = { size: 11 };
/** Height of a capital letter over the font size, of the typeface that all images are set in. */
const capHeight = 0.729;
/** The capitals that reach below the line, and how far, over the font size. */
const descents: Readonly<Record<string, number>> = { J: 0.2, Q: 0.146 };
/** Letters lower than this, in CSS pixels, are left out: they would be lines. */
const leastHeight = 1;

/**
 * Sequence logos: at each position the letters are stacked, the commonest on top, each as high as its share.
 *
 * The share of letters too rare to be drawn is left blank at the foot.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} when there is no group, or groups differ in positions or positions in letters;
 *   {@link DataError} for a count that is not a whole number of at least 0.
 * @see Schneider and Stephens 1990, https://doi.org/10.1093/nar/18.20.6097; here heights are shares, not bits
 */
export function sequenceLogos(options: SequenceLogosOptions): string {
  const { groups, columns = 5 } = options;
  const letters = [...options.alphabet];
  const positions = checkGroups(groups, letters.length);
  checkWhole("columns", columns, 1);
  const theme = themeColors(options.theme);
  const logoWidth = positions * logo.column;
  const used = Math.min(columns, groups.length);
  const width = 2 * margin + used * logoWidth + (used - 1) * logo.gapColumn;
  const header = svgHeader(options, width, theme);

  const parts = [header.markup];
  for (const [i, group] of groups.entries()) {
    const x = margin + (i % columns) * (logoWidth + logo.gapColumn);
    const y = header.bottom + 14 + Math.floor(i / columns) * (logo.height + logo.gapRow);
    parts.push(svgText(group.label, { size: 12.5, bold: true, x, y: y - 6, fill: theme.ink }));
    for (const [position, counts] of group.counts.entries()) {
      const left = x + position * logo.column;
      parts.push(svgStack(counts, letters, { x: left, y }, theme));
      const center = { x: left + logo.column / 2, y: y + logo.height + 14, anchor: "middle" as const };
      parts.push(svgText(String(position + 1), { ...small, ...center, fill: theme.muted }));
    }
    parts.push(`<path d="M${x} ${y + logo.height + 0.5}h${logoWidth}" stroke="${theme.muted}"/>`);
  }
  const rows = Math.ceil(groups.length / columns);
  const height = header.bottom + 14 + rows * (logo.height + logo.gapRow) - logo.gapRow + 20 + margin;
  return svgDocument({ width, height }, options.title ?? "Sequence logos", theme, parts.join(""));
}

/** The letters of one position, from the top down. */
function svgStack(
  counts: ArrayLike<number>,
  letters: readonly string[],
  place: { readonly x: number; readonly y: number },
  theme: Theme,
): string {
  const total = Array.from(counts).reduce((sum, count) => sum + count, 0);
  const ranked = Array.from(counts, (count, letter) => ({ letter, count })).sort((a, b) => b.count - a.count);
  const parts: string[] = [];
  let top = place.y;
  for (const { letter, count } of ranked) {
    const height = total > 0 ? (count / total) * logo.height : 0;
    if (height >= leastHeight) {
      parts.push(svgLetter(letters[letter]!, categoryColor(letter, theme), { x: place.x, y: top, height }));
    }
    top += height;
  }
  return parts.join("");
}

/** A letter stretched to fill a box. */
function svgLetter(letter: string, fill: string, box: { x: number; y: number; height: number }): string {
  const size = 20;
  const room = logo.column - 2;
  const across = round(room / textWidth(letter, { size, bold: true }));
  const descent = descents[letter] ?? 0;
  const down = round(Math.max(0.5, box.height - 0.5) / ((capHeight + descent) * size));
  const foot = round(box.y + box.height - descent * size * down);
  return (
    `<text transform="translate(${round(box.x + 1)} ${foot}) scale(${across} ${down})" font-size="${size}" ` +
    `font-weight="bold" fill="${fill}">${escapeMarkup(letter)}</text>`
  );
}

function checkGroups(groups: readonly LogoGroup[], letters: number): number {
  const positions = groups[0]?.counts.length ?? 0;
  if (positions === 0 || letters === 0) {
    throw new ShapeError("groups: expected at least one, of at least one position, and an alphabet.");
  }
  for (const { label, counts } of groups) {
    if (counts.length !== positions || counts.some((row) => row.length !== letters)) {
      throw new ShapeError(
        `groups: expected ${positions} positions of ${letters} letters in "${label}", got ${counts.length} of ${counts.map((row) => row.length).join(", ")}.`,
      );
    }
    const wrong = counts.flatMap((row) => Array.from(row)).find((count) => !Number.isInteger(count) || count < 0);
    if (wrong !== undefined) {
      throw new DataError(`groups: expected whole numbers of at least 0, got ${wrong} in "${label}".`);
    }
  }
  return positions;
}
