import type { ImageBatch } from "@mmgen/core";
import { checkImagePair, displayBytes } from "./image-pair.js";

/**
 * Peak signal-to-noise ratio of images as bytes, 10 · log₁₀(255² / mean squared error), in dB; ∞ where all are equal.
 *
 * The error is a mean over all pixels and channels of all images together. The mean of the images' own ratios, which
 * some programs print, is higher.
 *
 * @param images - `[count, height, width, channels]`; borrowed. Levels below 255 are scaled to bytes and rounded.
 * @param reconstructions - Of the same shape and range; borrowed.
 * @throws a `ShapeError` when the two batches differ in shape or range, or are empty.
 */
export function psnr(images: ImageBatch, reconstructions: ImageBatch): number {
  checkImagePair("psnr", images, reconstructions);
  const bytes = displayBytes(images.maxValue);
  const { data } = images;
  let squared = 0;
  for (let i = 0; i < data.length; i++) {
    squared += (bytes[data[i]!]! - bytes[reconstructions.data[i]!]!) ** 2;
  }
  return 10 * Math.log10((255 ** 2 * data.length) / squared);
}
