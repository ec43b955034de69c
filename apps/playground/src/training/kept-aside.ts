import { concatImages, type ImageBatch, sliceImages } from "@mmgen/core";

/**
 * Some images in memory of their own.
 *
 * A slice shares the memory of all images, and a browser copies all of it where a part is stored or sent.
 *
 * @param start - The first of them; all after it follow.
 */
export function keptAside(images: ImageBatch, start: number): ImageBatch {
  return concatImages([sliceImages(images, start, images.count)]);
}
