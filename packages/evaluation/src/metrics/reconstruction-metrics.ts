import type { ImageBatch } from "@mmgen/core";
import { checkImagePair } from "../images/image-pair.js";
import { psnr } from "../images/psnr.js";

/** Difference between images and their reconstructions, over all pixels and channels of all images. */
export interface ReconstructionMetrics {
  /** Mean squared error of levels scaled to [0, 1]. */
  readonly meanSquaredError: number;
  /** Share of levels that equal the original's exactly. */
  readonly exactLevelAccuracy: number;
  /** {@link psnr} of the images, in dB; ∞ where all are equal. */
  readonly peakSignalToNoiseRatio: number;
}

/**
 * Compares images with their reconstructions.
 *
 * @param images - `[count, height, width, channels]`, levels 0..`maxValue`; borrowed.
 * @param reconstructions - Of the same shape and range; borrowed.
 * @throws a `ShapeError` when the two batches differ in shape or range, or are empty.
 */
export function reconstructionMetrics(images: ImageBatch, reconstructions: ImageBatch): ReconstructionMetrics {
  checkImagePair("reconstructionMetrics", images, reconstructions);
  const { data, maxValue } = images;
  let squared = 0;
  let exact = 0;
  for (let i = 0; i < data.length; i++) {
    const [level, reconstructed] = [data[i]!, reconstructions.data[i]!];
    squared += (level - reconstructed) ** 2;
    exact += level === reconstructed ? 1 : 0;
  }
  return {
    meanSquaredError: squared / data.length / maxValue ** 2,
    exactLevelAccuracy: exact / data.length,
    peakSignalToNoiseRatio: psnr(images, reconstructions),
  };
}
