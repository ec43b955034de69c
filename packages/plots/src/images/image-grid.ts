import { fields, listOf, type OptionsOf, optional, resolveOptions, value } from "@mmgen/core/options";
import { countAboveZero, figureFields, imageBatch, texts } from "../svg/figure-options.js";
import { margin, svgDocument, svgHeader, svgText } from "../svg/svg.js";
import { wrapBalanced } from "../svg/text-layout.js";
import { type Theme, themeColors } from "../svg/theme.js";
import { checkOneEach, scaleFor, svgImage } from "./image-cell.js";
import { checkDisplayable, checkPixelCount } from "./pixels.js";

const imageGridSchema = fields({
  /** `[count, height, width, channels]` with 1 or 3 channels; borrowed. */
  images: imageBatch,
  /** One for each image, written beneath it and wrapped; a line feed starts a new line. Default: none. */
  captions: optional(texts),
  /** One for each image: a tick for true, a cross for false, nothing for undefined, before the caption. Default: none. */
  marks: optional(listOf(value<boolean | undefined>("true, false or undefined", isMark))),
  /** Images in a row; by default the grid is as near a square as possible. */
  columns: optional(countAboveZero),
  /** CSS pixels a side that an image's pixel becomes, a whole number; by default images are near 140 wide. */
  scale: optional(countAboveZero),
  ...figureFields,
});

/** Options of {@link imageGrid}. */
export type ImageGridOptions = OptionsOf<typeof imageGridSchema>;

const caption = { size: 12.5, line: 17, above: 9 };
const markRoom = 17;
const gap = { column: 22, row: 22 };
/** Smallest width of a heading, however few and small the images. */
const titleRoom = 260;

/**
 * Draws a grid of images with their captions beneath, as SVG.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a `ShapeError` when the batch is malformed or empty, or there is not one caption or mark for each image.
 */
export function imageGrid(options: ImageGridOptions): string {
  const config = resolveOptions(imageGridSchema, options);
  const { images, captions, marks, title, subtitle } = config;
  checkDisplayable(images);
  checkOneEach("captions", captions, images.count);
  checkOneEach("marks", marks, images.count);
  const { columns = Math.ceil(Math.sqrt(images.count)), scale = scaleFor(images, 140) } = config;
  const theme = themeColors(config.theme);

  const imageWidth = images.width * scale;
  const imageHeight = images.height * scale;
  checkPixelCount("scale", imageWidth, imageHeight);
  // Captions need some width to wrap well, however small the image.
  const cellWidth = captions ? Math.max(imageWidth, 96) : imageWidth;
  const indent = marks ? markRoom : 0;
  const lines = captions?.map((text) => wrapBalanced(text, cellWidth - indent, caption));
  const used = Math.min(columns, images.count);
  const content = used * cellWidth + (used - 1) * gap.column;
  const width = 2 * margin + Math.max(content, title || subtitle ? titleRoom : 0);
  const header = svgHeader({ title, subtitle }, width, theme);

  const parts = [header.markup];
  let y = header.bottom;
  for (let first = 0; first < images.count; first += columns) {
    const last = Math.min(first + columns, images.count);
    let lineCount = marks ? 1 : 0;
    for (let index = first; index < last; index++) {
      const x = margin + (index - first) * (cellWidth + gap.column);
      const baseline = y + imageHeight + caption.above + 12;
      const label = captions?.[index] || `image ${index + 1}`;
      parts.push(svgImage(images, index, { x, y, scale, label }, theme));
      const mark = marks?.[index];
      if (typeof mark === "boolean") {
        parts.push(svgMark(mark, x, baseline, theme));
      }
      const captionLines = lines?.[index] ?? [];
      for (const [i, line] of captionLines.entries()) {
        const place = { x: x + indent, y: baseline + i * caption.line, size: caption.size, fill: theme.ink };
        parts.push(svgText(line, place));
      }
      lineCount = Math.max(lineCount, captionLines.length);
    }
    y += imageHeight + (lineCount > 0 ? caption.above + lineCount * caption.line : 0);
    y += last < images.count ? gap.row : margin;
  }
  return svgDocument({ width, height: y }, title ?? `${images.count} images`, theme, parts.join(""));
}

/** A tick or a cross as strokes: readable by shape as well as color, in any font. */
function svgMark(isCorrect: boolean, x: number, baseline: number, theme: Theme): string {
  const path = isCorrect ? "M0.5 -4.5 L4 -1 L10.5 -9" : "M1.5 -9 L9.5 -1 M9.5 -9 L1.5 -1";
  return (
    `<path transform="translate(${x} ${baseline})" d="${path}" fill="none" stroke="${isCorrect ? theme.correct : theme.wrong}" ` +
    `stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><title>${isCorrect ? "correct" : "wrong"}</title></path>`
  );
}

function isMark(candidate: unknown): boolean {
  return candidate === undefined || typeof candidate === "boolean";
}
