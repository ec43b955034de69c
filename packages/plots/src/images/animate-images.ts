import { describeValue, type ImageBatch, ShapeError } from "@mmgen/core";
import { fields, type OptionsOf, resolveOptions } from "@mmgen/core/options";
import { contactSheet, contactSheetFields } from "./contact-sheet.js";
import { encodeGif, gifFields } from "./gif.js";

const animateImagesSchema = fields({ ...contactSheetFields, ...gifFields });

/** Options of {@link animateImages}. */
export type AnimateImagesOptions = OptionsOf<typeof animateImagesSchema>;

/**
 * Encodes states of the same images as an animated GIF: each frame is the contact sheet of a batch.
 *
 * @param frames - At least one, first to last, all of one count and size; borrowed.
 * @returns The bytes of the file; yours.
 * @throws as `contactSheet` and `encodeGif`.
 */
export function animateImages(frames: readonly ImageBatch[], options: AnimateImagesOptions = {}): Uint8Array {
  const { frameMilliseconds, lastMilliseconds, ...sheet } = resolveOptions(animateImagesSchema, options);
  if (!Array.isArray(frames)) {
    throw new ShapeError(`animateImages: expected a list of batches, got ${describeValue(frames)}.`);
  }
  const sheets = frames.map((images) => contactSheet(images, sheet));
  return encodeGif(sheets, { frameMilliseconds, lastMilliseconds });
}
