import { type ImageBatch, ShapeError } from "@mmgen/core";
import { fields, listOf, type OptionsOf, optional, resolveOptions, text } from "@mmgen/core/options";
import { countAboveZero, figureFields, imageBatch, texts } from "../svg/figure-options.js";
import { margin, svgDocument, svgHeader, svgText } from "../svg/svg.js";
import { textWidth } from "../svg/text-layout.js";
import { themeColors } from "../svg/theme.js";
import { checkOneEach, scaleFor, svgImage } from "./image-cell.js";
import { checkDisplayable, checkPixelCount } from "./pixels.js";

/** The options of rows that a caller chooses, whatever they show. */
export const layoutFields = {
  /** Columns before the rows start again below; 10 by default. */
  columns: optional(countAboveZero, 10),
  /** CSS pixels a side that an image's pixel becomes, a whole number; by default images are near 84 wide. */
  scale: optional(countAboveZero),
  ...figureFields,
};
const rowSchema = fields({ label: text(), images: imageBatch });
const imageRowsSchema = fields({
  /** Rows of images that belong together column by column; all of one count and size. */
  rows: listOf(rowSchema, { minLength: 1 }),
  /** One for each image of a row, above its column. Default: none. */
  columnLabels: optional(texts),
  ...layoutFields,
});
const reconstructionGridSchema = fields({
  original: imageBatch,
  reconstruction: imageBatch,
  ...layoutFields,
  /** "Originals and their reconstructions" by default. */
  title: optional(text(), "Originals and their reconstructions"),
});

/** Options of {@link imageRows}. */
export type ImageRowsOptions = OptionsOf<typeof imageRowsSchema>;
/** Options of {@link reconstructionGrid}. */
export type ReconstructionGridOptions = OptionsOf<typeof reconstructionGridSchema>;

const label = { size: 12.5, gap: 14 };
const gap = { column: 8, row: 8, block: 22 };
/** Height of the line of column labels, and its baseline in it. */
const columnLine = { height: 20, baseline: 11 };

/**
 * Draws rows of images one above the other, each with its label at the left, as SVG.
 *
 * For images to compare column by column: originals and reconstructions, prompts and completions, steps of a process.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} when a batch is malformed or empty, or the rows differ in count or size; a
 *   `ConfigError` without rows or for an unknown option.
 */
export function imageRows(options: ImageRowsOptions): string {
  const config = resolveOptions(imageRowsSchema, options);
  const { rows, columnLabels, columns, title, subtitle } = config;
  const first = checkRows(rows);
  checkOneEach("columnLabels", columnLabels, first.count);
  const { scale = scaleFor(first, 84) } = config;
  const theme = themeColors(config.theme);

  const imageWidth = first.width * scale;
  const imageHeight = first.height * scale;
  checkPixelCount("scale", imageWidth, imageHeight);
  const labelWidth = rows.reduce((max, row) => Math.max(max, Math.ceil(textWidth(row.label, label))), 0);
  const left = margin + (labelWidth > 0 ? labelWidth + label.gap : 0);
  const used = Math.min(columns, first.count);
  const width = left + used * imageWidth + (used - 1) * gap.column + margin;
  const header = svgHeader({ title, subtitle }, width, theme);

  const parts = [header.markup];
  let y = header.bottom;
  for (let start = 0; start < first.count; start += columns) {
    const end = Math.min(start + columns, first.count);
    for (const [i, text] of columnLabels?.slice(start, end).entries() ?? []) {
      const x = left + i * (imageWidth + gap.column) + imageWidth / 2;
      parts.push(
        svgText(text, { x, y: y + columnLine.baseline, size: label.size, fill: theme.muted, anchor: "middle" }),
      );
    }
    y += columnLabels === undefined ? 0 : columnLine.height;
    for (const row of rows) {
      const middle = y + imageHeight / 2 + 4.5;
      parts.push(svgText(row.label, { x: margin, y: middle, size: label.size, fill: theme.muted }));
      for (let index = start; index < end; index++) {
        const x = left + (index - start) * (imageWidth + gap.column);
        const place = { x, y, scale, label: `${row.label} ${index + 1}`.trim() };
        parts.push(svgImage(row.images, index, place, theme));
      }
      y += imageHeight + gap.row;
    }
    y += (end < first.count ? gap.block : margin) - gap.row;
  }
  return svgDocument({ width, height: y }, title ?? "Rows of images", theme, parts.join(""));
}

/**
 * Draws originals above their reconstructions, as SVG.
 *
 * @throws a {@link ShapeError} when the two batches differ in count or size.
 */
export function reconstructionGrid(options: ReconstructionGridOptions): string {
  const { original, reconstruction, ...rest } = resolveOptions(reconstructionGridSchema, options);
  const rows = [
    { label: "original", images: original },
    { label: "reconstruction", images: reconstruction },
  ];
  return imageRows({ ...rest, rows });
}

/** The first row's images, once all are displayable and of one count and size. */
export function checkRows(rows: ImageRowsOptions["rows"]): ImageBatch {
  const first = rows[0]!.images;
  for (const { label: name, images } of rows) {
    checkDisplayable(images);
    if (images.count !== first.count || images.height !== first.height || images.width !== first.width) {
      throw new ShapeError(
        `rows: expected "${name}" to hold ${first.count} images of ${first.height} × ${first.width} as the first row ` +
          `does, got ${images.count} of ${images.height} × ${images.width}.`,
      );
    }
  }
  return first;
}
