import type { ImageBatch } from "@mmgen/core";
import { fields, number, type OptionsOf, optional, resolveOptions, wholeNumber } from "@mmgen/core/options";
import { countAboveZero } from "../svg/figure-options.js";
import { checkDisplayable, checkPixelCount, displayPixels, type PixelImage } from "./pixels.js";

/** Fields of {@link ContactSheetOptions}. */
export const contactSheetFields = {
  /** Images in a row; by default the sheet is as near a square as possible. */
  columns: optional(countAboveZero),
  /** Side of the square each pixel becomes, a whole number; 2 by default. */
  scale: optional(countAboveZero, 2),
  /** Pixels between images and around them; 2 by default. */
  gap: optional(wholeNumber({ min: 0 }), 2),
  /** Display level 0 … 255 of the gaps and of empty places; 255, white, by default. */
  background: optional(number({ min: 0, max: 255 }), 255),
};
const contactSheetSchema = fields(contactSheetFields);

/** Options of {@link contactSheet}. */
export type ContactSheetOptions = OptionsOf<typeof contactSheetSchema>;

/**
 * Draws all images of a batch side by side in reading order, without text, as pixels.
 *
 * @param images - `[count, height, width, channels]` with 1 or 3 channels; borrowed.
 * @returns One image of as many channels as the batch; yours.
 * @throws a `ShapeError` when the batch is malformed or empty; a `ConfigError` for an option that is unknown or out of
 *   range, or when the sheet would have more than 2²⁸ pixels.
 */
export function contactSheet(images: ImageBatch, options: ContactSheetOptions = {}): PixelImage {
  const config = resolveOptions(contactSheetSchema, options);
  checkDisplayable(images);
  const { columns = Math.ceil(Math.sqrt(images.count)), scale, gap, background } = config;
  const channels = images.channels as 1 | 3;
  const rows = Math.ceil(images.count / columns);
  const width = gap + columns * (images.width * scale + gap);
  const height = gap + rows * (images.height * scale + gap);
  checkPixelCount("columns, scale and gap", width, height);
  const data = new Uint8Array(width * height * channels).fill(background);
  for (let index = 0; index < images.count; index++) {
    const cell = displayPixels(images, index, scale);
    const left = gap + (index % columns) * (cell.width + gap);
    const top = gap + Math.floor(index / columns) * (cell.height + gap);
    const rowLength = cell.width * channels;
    for (let y = 0; y < cell.height; y++) {
      data.set(cell.data.subarray(y * rowLength, (y + 1) * rowLength), ((top + y) * width + left) * channels);
    }
  }
  return { data, width, height, channels };
}
