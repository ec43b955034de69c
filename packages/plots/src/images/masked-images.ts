import { type ImageBatch, ShapeError } from "@mmgen/core";
import { fields, number, type OptionsOf, optional, resolveOptions, typedArray, wholeNumber } from "@mmgen/core/options";
import { checkDisplayable } from "./pixels.js";

const maskedImagesSchema = fields({
  /** 1 at the cells to paint over, 0 at the others: `[height, width]` of the grid for all images, or `[count, height, width]`. */
  masked: typedArray<Uint8Array>("Uint8Array"),
  /** Cells of an image, as the codes of an image tokenizer lie in it. */
  grid: fields({ height: wholeNumber({ min: 1 }), width: wholeNumber({ min: 1 }) }),
  /** What they are painted with, as a share of the maximum level; 0.5, a medium gray, by default. */
  gray: optional(number({ min: 0, max: 1 }), 0.5),
});

/** Options of {@link maskedImages}. */
export type MaskedImagesOptions = OptionsOf<typeof maskedImagesSchema>;

/**
 * Images in which some cells of a grid are gray: the codes that a model has yet to find, or what a completion does not see.
 *
 * @param images - `[count, height, width, channels]` with 1 or 3 channels; borrowed.
 * @returns A copy; yours. A pixel belongs to the cell in which its top left corner lies.
 * @throws a {@link ShapeError} when the batch is malformed or empty, or there is not a value a cell; a `ConfigError` for
 *   an option that is unknown or out of range.
 */
export function maskedImages(images: ImageBatch, options: MaskedImagesOptions): ImageBatch {
  const { gray, grid, masked } = resolveOptions(maskedImagesSchema, options);
  checkDisplayable(images);
  const { channels, count, height, maxValue, width } = images;
  const cells = grid.height * grid.width;
  if (masked.length !== cells && masked.length !== count * cells) {
    throw new ShapeError(
      `masked: expected one value a cell, ${cells} for all images or ${count * cells} in all, got ${masked.length}.`,
    );
  }
  const data = images.data.slice();
  const level = Math.round(gray * maxValue);
  for (let row = 0; row < count * height; row++) {
    const image = masked.length === cells ? 0 : Math.floor(row / height);
    const cellRow = image * grid.height + Math.floor(((row % height) * grid.height) / height);
    for (let column = 0; column < width; column++) {
      if (masked[cellRow * grid.width + Math.floor((column * grid.width) / width)] !== 0) {
        const pixel = (row * width + column) * channels;
        data.fill(level, pixel, pixel + channels);
      }
    }
  }
  return { ...images, data };
}
