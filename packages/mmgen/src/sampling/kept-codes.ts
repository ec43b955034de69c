import { ConfigError, checkNumber, checkWholeNumber, type ImageBatch, ShapeError } from "@mmgen/core";
import type { VqVae } from "@mmgen/vqvae";

/** Which part of an image or caption is kept; the rest is made anew. */
export type Kept =
  /** Share of an image's rows from the top, in [0, 1], rounded to whole rows of its code grid. */
  | { readonly rows: number }
  /** Share of an image's columns from the left, in [0, 1], rounded to whole columns of its code grid. */
  | { readonly columns: number }
  /** Leading codes of an image, as `vqvae.encode` orders them. */
  | { readonly codes: number }
  /** First words of a caption (first characters, where the tokenizer's text unit is characters). */
  | { readonly words: number }
  /**
   * True for what is kept of an image: one value a code, as `vqvae.encode` orders them, or one a pixel, row by row. A code
   * is kept where all pixels of its place are.
   */
  | { readonly mask: ArrayLike<boolean | number> };

/** Names of the fields of {@link Kept}. */
export const keptFields = ["rows", "columns", "codes", "words", "mask"] as const;

/**
 * Which of an image's codes are kept, 1 for each, `[codesPerImage]`.
 *
 * Colors that have codes of their own belong to every place: they are kept where any place is.
 *
 * @param keep - Speaks of images.
 * @param shape - The images'.
 */
export function keptCodes(
  vqvae: VqVae,
  keep: Kept,
  { height, width }: Pick<ImageBatch, "height" | "width">,
): Uint8Array {
  const { codesPerImage } = vqvae.codeLayout;
  if ("codes" in keep) {
    checkWholeNumber("keep.codes", keep.codes, { min: 0, max: codesPerImage });
    return Uint8Array.from({ length: codesPerImage }, (_, i) => Number(i < keep.codes));
  }
  if ("rows" in keep) {
    const rows = Math.round(shareOf("rows", keep.rows, vqvae) * vqvae.network.latentGrid.height);
    return codesOfPlaces(vqvae, (row) => row < rows, "before");
  }
  if ("columns" in keep) {
    const columns = Math.round(shareOf("columns", keep.columns, vqvae) * vqvae.network.latentGrid.width);
    return codesOfPlaces(vqvae, (_, column) => column < columns);
  }
  if ("mask" in keep) {
    const { mask } = keep;
    if (mask.length === codesPerImage) {
      return Uint8Array.from(mask, (value) => Number(Boolean(value)));
    }
    if (mask.length !== height * width) {
      throw new ShapeError(
        `keep.mask: expected one value a code (${codesPerImage}) or a pixel (${height}×${width}), got ${mask.length}.`,
      );
    }
    shareOf("mask", 1, vqvae);
    return codesOfPlaces(vqvae, keptPlaces(mask, { height, width }, vqvae.network.latentGrid));
  }
  throw new ConfigError("keep: expected rows, columns, codes, words or mask, got nothing.");
}

function shareOf(name: "rows" | "columns" | "mask", share: number, { config }: VqVae): number {
  checkNumber(`keep.${name}`, share, { min: 0, max: 1 });
  if (config.network.type === "dense") {
    throw new ConfigError(
      `keep.${name}: codes of a dense network stand for no place of the image; keep codes instead, such as { codes: 4 }.`,
    );
  }
  return share;
}

/** Whether all pixels of a place of the code grid are kept. */
function keptPlaces(
  mask: ArrayLike<boolean | number>,
  { height, width }: { readonly height: number; readonly width: number },
  grid: { readonly height: number; readonly width: number },
): (row: number, column: number) => boolean {
  const isKept = new Uint8Array(grid.height * grid.width).fill(1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!mask[y * width + x]) {
        isKept[Math.floor((y * grid.height) / height) * grid.width + Math.floor((x * grid.width) / width)] = 0;
      }
    }
  }
  return (row, column) => isKept[row * grid.width + column] === 1;
}

/**
 * Codes of the places of the grid that are kept, each of which may have several.
 *
 * @param colors - Whether colors that stand before the grid are kept even where no place is, as rows always did.
 */
function codesOfPlaces(
  { codeLayout, network }: VqVae,
  isKept: (row: number, column: number) => boolean,
  colors?: "before",
): Uint8Array {
  const { codesPerImage, paletteCodes, palettePlace } = codeLayout;
  const lead = palettePlace === "before" ? paletteCodes : 0;
  const { height, width } = network.latentGrid;
  const each = (codesPerImage - lead) / (height * width);
  const kept = new Uint8Array(codesPerImage);
  for (let code = lead; code < codesPerImage; code++) {
    const place = Math.floor((code - lead) / each);
    kept[code] = Number(isKept(Math.floor(place / width), place % width));
  }
  return kept.fill(Number(colors === "before" || kept.includes(1)), 0, lead);
}
