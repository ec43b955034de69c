import { type ImageBatch, ShapeError } from "@mmgen/core";
import { margin, svgDocument, svgHeader, svgText } from "../svg/svg.js";
import { wrapBalanced } from "../svg/text-layout.js";
import { type Theme, type ThemeName, themeColors } from "../svg/theme.js";
import { scaleFor, svgImage } from "./image-cell.js";
import { checkDisplayable, checkWhole } from "./pixels.js";

/** Options of {@link imageGrid}. */
export interface ImageGridOptions {
  /** `[count, height, width, channels]` with 1 or 3 channels; borrowed. */
  readonly images: ImageBatch;
  /** One an image, set beneath it and wrapped; a line feed starts a new line. */
  readonly captions?: readonly string[];
  /** One an image: a tick for true, a cross for false, nothing for null, before the caption. */
  readonly marks?: readonly (boolean | null)[];
  readonly title?: string;
  /** A quieter line under the title: seed, temperature, how many were right. */
  readonly subtitle?: string;
  /** Images in a row; by default as near a square as may be. */
  readonly columns?: number;
  /** CSS pixels a side that an image's pixel becomes, a whole number; by default images are near 140 wide. */
  readonly scale?: number;
  /** Colors; "light" by default. */
  readonly theme?: ThemeName;
}

const caption = { size: 12.5, line: 17, above: 9 };
const markRoom = 17;
const gap = { column: 22, row: 22 };
/** The least width a heading is set in, however few and small the images. */
const titleRoom = 260;

/**
 * A grid of images with their captions beneath, as SVG.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} when the batch is malformed or empty, or captions or marks are not one an image.
 */
export function imageGrid(options: ImageGridOptions): string {
  const { images, captions, marks } = options;
  checkDisplayable(images);
  checkOneEach("captions", captions, images.count);
  checkOneEach("marks", marks, images.count);
  const { columns = Math.ceil(Math.sqrt(images.count)), scale = scaleFor(images, 140) } = options;
  checkWhole("columns", columns, 1);
  checkWhole("scale", scale, 1);
  const theme = themeColors(options.theme);

  const imageWidth = images.width * scale;
  const imageHeight = images.height * scale;
  // Captions need some width to wrap well in, however small the image.
  const cellWidth = captions ? Math.max(imageWidth, 96) : imageWidth;
  const indent = marks ? markRoom : 0;
  const lines = captions?.map((text) => wrapBalanced(text, cellWidth - indent, caption));
  const used = Math.min(columns, images.count);
  const content = used * cellWidth + (used - 1) * gap.column;
  const width = 2 * margin + Math.max(content, options.title || options.subtitle ? titleRoom : 0);
  const header = svgHeader(options, width, theme);

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
  return svgDocument({ width, height: y }, options.title ?? `${images.count} images`, theme, parts.join(""));
}

/** A tick or a cross as strokes, so that it tells by shape as well as by color and needs no glyph. */
function svgMark(isRight: boolean, x: number, baseline: number, theme: Theme): string {
  const path = isRight ? "M0.5 -4.5 L4 -1 L10.5 -9" : "M1.5 -9 L9.5 -1 M9.5 -9 L1.5 -1";
  return (
    `<path transform="translate(${x} ${baseline})" d="${path}" fill="none" stroke="${isRight ? theme.right : theme.wrong}" ` +
    `stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><title>${isRight ? "right" : "wrong"}</title></path>`
  );
}

function checkOneEach(name: string, list: readonly unknown[] | undefined, count: number): void {
  if (list !== undefined && list.length !== count) {
    throw new ShapeError(`${name}: expected one an image, ${count}, got ${list.length}.`);
  }
}
