/**
 * Typefaces of every figure: the one the PNG rasterizer ships, then the most similar ones of browsers.
 * `DejaVu Sans Condensed` stays first, as {@link textWidth} uses its widths.
 */
export const fontFamily = "DejaVu Sans Condensed, DejaVu Sans, Verdana, Segoe UI, Helvetica, Arial, sans-serif";

/** Advance widths of U+0020 … U+007E in thousandths of the font size, from the font's `hmtx` table. */
const regular = [
  286, 360, 414, 754, 572, 855, 702, 247, 351, 351, 450, 754, 286, 325, 286, 303, 572, 572, 572, 572, 572, 572, 572,
  572, 572, 572, 303, 303, 754, 754, 754, 478, 900, 615, 617, 628, 693, 568, 518, 697, 677, 265, 265, 590, 501, 776,
  673, 708, 542, 708, 625, 571, 549, 659, 615, 890, 616, 549, 616, 351, 303, 351, 754, 450, 450, 551, 571, 495, 571,
  554, 316, 571, 570, 250, 250, 521, 250, 876, 570, 550, 571, 571, 370, 469, 353, 570, 532, 736, 532, 532, 472, 572,
  303, 572, 754,
];
const bold = [
  313, 410, 469, 754, 626, 901, 785, 275, 411, 411, 470, 754, 342, 374, 342, 329, 626, 626, 626, 626, 626, 626, 626,
  626, 626, 626, 360, 360, 754, 754, 754, 522, 900, 696, 686, 660, 747, 615, 615, 738, 753, 334, 334, 697, 573, 896,
  753, 765, 659, 765, 693, 648, 614, 730, 696, 993, 694, 651, 652, 411, 329, 411, 754, 450, 450, 607, 644, 533, 644,
  610, 391, 644, 641, 308, 308, 598, 308, 938, 641, 618, 644, 644, 444, 536, 430, 641, 586, 831, 580, 586, 523, 641,
  329, 641, 754,
];

/** Size and weight of a piece of text. */
export interface TextStyle {
  /** Font size in CSS pixels. */
  readonly size: number;
  readonly bold?: boolean;
}

/** The width of one line in CSS pixels: exact for ASCII without kerning, an estimate (one em a character) beyond it. */
export function textWidth(text: string, style: TextStyle): number {
  return (thousandths(text, style) * style.size) / 1000;
}

/** The width in thousandths of the font size, a whole number, so that widths of parts add up exactly. */
function thousandths(text: string, { bold: isBold = false }: TextStyle): number {
  const widths = isBold ? bold : regular;
  let width = 0;
  for (const character of text) {
    width += widths[character.codePointAt(0)! - 32] ?? 1000;
  }
  return width;
}

/**
 * Breaks text like {@link wrapText} into lines of similar length: as few as `width` allows, the longest as short as possible.
 */
export function wrapBalanced(text: string, width: number, style: TextStyle): string[] {
  const fewest = wrapText(text, width, style);
  const narrowed = (room: number) => wrapText(text, room, style);
  let [tooNarrow, best] = [0, width];
  while (best - tooNarrow > 1) {
    const middle = (tooNarrow + best) / 2;
    if (narrowed(middle).length > fewest.length) {
      tooNarrow = middle;
    } else {
      best = middle;
    }
  }
  return narrowed(best);
}

/**
 * Breaks text into lines no wider than `width`, at spaces; a word wider than a line is broken within.
 *
 * A line feed in the text always starts a new line. Empty text is one empty line.
 */
export function wrapText(text: string, width: number, style: TextStyle): string[] {
  return text.split(/\r\n|\r|\n/).flatMap((paragraph) => wrapParagraph(paragraph, width, style));
}

function wrapParagraph(text: string, width: number, style: TextStyle): string[] {
  const lines: string[] = [];
  const fits = (units: number) => (units * style.size) / 1000 <= width;
  const space = thousandths(" ", style);
  let [line, lineUnits] = ["", 0];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const wordUnits = thousandths(word, style);
    const joinedUnits = line === "" ? wordUnits : lineUnits + space + wordUnits;
    if (fits(joinedUnits)) {
      line = line === "" ? word : `${line} ${word}`;
      lineUnits = joinedUnits;
      continue;
    }
    if (line !== "") {
      lines.push(line);
    }
    [line, lineUnits] = ["", 0];
    for (const character of word) {
      const units = thousandths(character, style);
      if (line !== "" && !fits(lineUnits + units)) {
        lines.push(line);
        [line, lineUnits] = ["", 0];
      }
      line += character;
      lineUnits += units;
    }
  }
  lines.push(line);
  return lines;
}
