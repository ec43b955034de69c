import { ConfigError, type ImageBatch, ShapeError } from "@mmgen/core";
import { margin, svgDocument, svgHeader, svgText } from "../svg/svg.js";
import { textWidth } from "../svg/text-layout.js";
import { type ThemeName, themeColors } from "../svg/theme.js";
import { scaleFor, svgImage } from "./image-cell.js";
import { checkDisplayable, checkWhole } from "./pixels.js";

/** Options of {@link imageRows}. */
export interface ImageRowsOptions {
  /** Rows of images that belong together column by column; all of one count and size. */
  readonly rows: readonly { readonly label: string; readonly images: ImageBatch }[];
  readonly title?: string;
  readonly subtitle?: string;
  /** Columns before the rows start again below; 10 by default. */
  readonly columns?: number;
  /** CSS pixels a side that an image's pixel becomes, a whole number; by default images are near 84 wide. */
  readonly scale?: number;
  /** Colors; "light" by default. */
  readonly theme?: ThemeName;
}

/** Options of {@link reconstructionGrid}. */
export interface ReconstructionGridOptions extends Omit<ImageRowsOptions, "rows"> {
  readonly original: ImageBatch;
  readonly reconstruction: ImageBatch;
}

const label = { size: 12.5, gap: 14 };
const gap = { column: 8, row: 8, block: 22 };

/**
 * Rows of images one above the other, each with its label at the left, as SVG.
 *
 * For what is compared column by column: originals and reconstructions, prompts and completions, steps of a process.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} when a batch is malformed or empty, or the rows differ in count or size.
 */
export function imageRows(options: ImageRowsOptions): string {
  const first = checkRows(options.rows);
  const { columns = 10, scale = scaleFor(first, 84) } = options;
  checkWhole("columns", columns, 1);
  checkWhole("scale", scale, 1);
  const theme = themeColors(options.theme);

  const imageWidth = first.width * scale;
  const imageHeight = first.height * scale;
  const labelWidth = Math.max(...options.rows.map((row) => Math.ceil(textWidth(row.label, label))));
  const left = margin + (labelWidth > 0 ? labelWidth + label.gap : 0);
  const used = Math.min(columns, first.count);
  const width = left + used * imageWidth + (used - 1) * gap.column + margin;
  const header = svgHeader(options, width, theme);

  const parts = [header.markup];
  let y = header.bottom;
  for (let start = 0; start < first.count; start += columns) {
    const end = Math.min(start + columns, first.count);
    for (const row of options.rows) {
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
  return svgDocument({ width, height: y }, options.title ?? "Rows of images", theme, parts.join(""));
}

/**
 * Originals above their reconstructions, as SVG.
 *
 * @throws a {@link ShapeError} when the two batches differ in count or size.
 */
export function reconstructionGrid({ original, reconstruction, ...rest }: ReconstructionGridOptions): string {
  const rows = [
    { label: "original", images: original },
    { label: "reconstruction", images: reconstruction },
  ];
  return imageRows({ title: "Originals and their reconstructions", ...rest, rows });
}

function checkRows(rows: ImageRowsOptions["rows"]): ImageBatch {
  const first = rows[0]?.images;
  if (first === undefined) {
    throw new ConfigError("rows: expected at least one row of images, got none.");
  }
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
