import { ShapeError } from "@mmgen/core";
import { fields, listOf, type OptionsOf, optional, resolveOptions, text } from "@mmgen/core/options";
import { countAboveZero, figureFields, numbers, sumCounts } from "../svg/figure-options.js";
import { escapeMarkup, round } from "../svg/svg.js";
import { textWidth } from "../svg/text-layout.js";
import { categoryColor, type Theme, themeColors } from "../svg/theme.js";
import { drawChart } from "./chart.js";

const logoGroupSchema = fields({
  /** What the sequences have in common: "digit 7". */
  label: text(),
  /** How often each letter is at each position, `[positions][alphabet]`; whole numbers of at least 0. */
  counts: listOf(numbers),
});

/** Sequences that one logo sums up. */
export type LogoGroup = OptionsOf<typeof logoGroupSchema>;

const sequenceLogosSchema = fields({
  /** One logo each; all of one number of positions. */
  groups: listOf(logoGroupSchema),
  /** The letters, in the order of the counts. */
  alphabet: text(),
  /** Logos side by side; 5 by default. */
  columns: optional(countAboveZero, 5),
  ...figureFields,
});

/** Options of {@link sequenceLogos}. */
export type SequenceLogosOptions = OptionsOf<typeof sequenceLogosSchema>;

const logo = { height: 120, column: 21 };
const gap = { column: 26, row: 22 };
/** Height of a capital letter over the font size, of the typeface that all images are set in. */
const capHeight = 0.729;
/** The capitals that reach below the line, and how far, over the font size. */
const descents: Readonly<Record<string, number>> = { J: 0.2, Q: 0.146 };
/** Letters lower than this, in CSS pixels, are left out: they would be lines. */
const minHeight = 1;

/**
 * Draws sequence logos as SVG: the letters of each position are stacked, the commonest on top, each as high as its share.
 *
 * The share of letters too rare to be drawn is left blank at the foot.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} when there is no group, or groups differ in positions or positions in letters;
 *   a `DataError` for a count that is not a whole number of at least 0.
 * @see Schneider and Stephens 1990, https://doi.org/10.1093/nar/18.20.6097; here heights are shares, not bits
 */
export function sequenceLogos(options: SequenceLogosOptions): string {
  const config = resolveOptions(sequenceLogosSchema, options);
  const { groups, columns, title, subtitle } = config;
  const letters = [...config.alphabet];
  const positions = checkGroups(groups, letters.length);
  const theme = themeColors(config.theme);
  const plot = { width: positions * logo.column, height: logo.height };
  const ticks = Array.from({ length: positions }, (_, i) => ({ at: (i + 0.5) * logo.column, label: String(i + 1) }));
  const panels = groups.map(({ label, counts }) => {
    const stacks = counts.map((row, position) => svgStack(row, letters, position * logo.column, theme));
    return { title: label, plot, axes: [{ side: "bottom", ticks, line: "plain" } as const], marks: stacks.join("") };
  });
  return drawChart({ title, subtitle, label: title ?? "Sequence logos", theme, panels, columns, gap });
}

/** The letters of one position, from the top down. */
function svgStack(counts: ArrayLike<number>, letters: readonly string[], left: number, theme: Theme): string {
  const total = Array.from(counts).reduce((sum, count) => sum + count, 0);
  const ranked = Array.from(counts, (count, letter) => ({ letter, count })).sort((a, b) => b.count - a.count);
  const parts: string[] = [];
  let top = 0;
  for (const { letter, count } of ranked) {
    const height = total > 0 ? (count / total) * logo.height : 0;
    if (height >= minHeight) {
      parts.push(svgLetter(letters[letter]!, categoryColor(letter, theme), { x: left, y: top, height }));
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
    for (const row of counts) {
      sumCounts(`groups, "${label}"`, row);
    }
  }
  return positions;
}
