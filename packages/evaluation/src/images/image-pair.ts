import { checkImageBatch, type ImageBatch, ShapeError } from "@mmgen/core";

/**
 * Throws a {@link ShapeError} unless both batches are of one shape and range, with at least one image.
 *
 * @param caller - What messages call the function.
 */
export function checkImagePair(caller: string, images: ImageBatch, reconstructions: ImageBatch): void {
  checkImageBatch(images);
  checkImageBatch(reconstructions, "reconstructions");
  for (const axis of ["count", "height", "width", "channels", "maxValue"] as const) {
    if (images[axis] !== reconstructions[axis]) {
      throw new ShapeError(
        `${caller}: the images have ${axis} ${images[axis]}, the reconstructions ${reconstructions[axis]}.`,
      );
    }
  }
  if (images.data.length === 0) {
    throw new ShapeError(`${caller}: expected at least one image, got none.`);
  }
}

/** The byte that displays each level, `[maxValue + 1]`: round(level / maxValue · 255). */
export function displayBytes(maxValue: number): Uint8Array {
  return Uint8Array.from({ length: maxValue + 1 }, (_, level) => Math.round((level * 255) / maxValue));
}
