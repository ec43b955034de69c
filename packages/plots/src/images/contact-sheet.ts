import { ConfigError, type ImageBatch } from "@mmgen/core";
import { checkDisplayable, checkWhole, displayPixels, type PixelImage } from "./pixels.js";

/** Options of {@link contactSheet}. */
export interface ContactSheetOptions {
  /** Images in a row; by default as near a square as may be. */
  readonly columns?: number;
  /** Side of the square each pixel becomes, a whole number; 2 by default. */
  readonly scale?: number;
  /** Pixels between images and around them; 2 by default. */
  readonly gap?: number;
  /** Display level 0 … 255 of the gaps and of empty places; 255, white, by default. */
  readonly background?: number;
}

/**
 * All images of a batch side by side, without text, in reading order.
 *
 * @param images - `[count, height, width, channels]` with 1 or 3 channels; borrowed.
 * @returns One image of as many channels as the batch.
 * @throws a `ShapeError` when the batch is malformed or empty; {@link ConfigError} for an option out of range.
 */
export function contactSheet(images: ImageBatch, options: ContactSheetOptions = {}): PixelImage {
  checkDisplayable(images);
  const { columns = Math.ceil(Math.sqrt(images.count)), scale = 2, gap = 2, background = 255 } = options;
  checkWhole("columns", columns, 1);
  checkWhole("gap", gap, 0);
  if (!(background >= 0 && background <= 255)) {
    throw new ConfigError(`background: expected a level from 0 to 255, got ${background}.`);
  }
  const channels = images.channels as 1 | 3;
  const rows = Math.ceil(images.count / columns);
  const width = gap + columns * (images.width * scale + gap);
  const height = gap + rows * (images.height * scale + gap);
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
