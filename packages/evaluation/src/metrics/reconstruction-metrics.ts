import { checkImageBatch, type ImageBatch, ShapeError } from "@mmgen/core";

/** Difference between images and their reconstructions, over all pixels and channels of all images. */
export interface ReconstructionMetrics {
  /** Mean squared error of levels scaled to [0, 1]. */
  readonly meanSquaredError: number;
  /** Share of levels that equal the original's exactly. */
  readonly exactLevelAccuracy: number;
  /** Peak signal-to-noise ratio of the images as bytes, 10 · log₁₀(255² / mean squared error), in dB; ∞ where all are equal. */
  readonly peakSignalToNoiseRatio: number;
}

/**
 * Compares images with their reconstructions.
 *
 * @param images - `[count, height, width, channels]`, levels 0..`maxValue`; borrowed.
 * @param reconstructions - Of the same shape and range; borrowed.
 * @throws a {@link ShapeError} when the two batches differ in shape or range, or are empty.
 */
export function reconstructionMetrics(images: ImageBatch, reconstructions: ImageBatch): ReconstructionMetrics {
  checkImageBatch(images);
  checkImageBatch(reconstructions, "reconstructions");
  for (const axis of ["count", "height", "width", "channels", "maxValue"] as const) {
    if (images[axis] !== reconstructions[axis]) {
      throw new ShapeError(
        `reconstructionMetrics: the images have ${axis} ${images[axis]}, the reconstructions ${reconstructions[axis]}.`,
      );
    }
  }
  const { data, maxValue } = images;
  if (data.length === 0) {
    throw new ShapeError("reconstructionMetrics: expected at least one image, got none.");
  }
  const bytes = Uint8Array.from({ length: maxValue + 1 }, (_, level) => Math.round((level * 255) / maxValue));
  let squared = 0;
  let squaredBytes = 0;
  let exact = 0;
  for (let i = 0; i < data.length; i++) {
    const [level, reconstructed] = [data[i]!, reconstructions.data[i]!];
    squared += (level - reconstructed) ** 2;
    squaredBytes += (bytes[level]! - bytes[reconstructed]!) ** 2;
    exact += level === reconstructed ? 1 : 0;
  }
  return {
    meanSquaredError: squared / data.length / maxValue ** 2,
    exactLevelAccuracy: exact / data.length,
    peakSignalToNoiseRatio: 10 * Math.log10((255 ** 2 * data.length) / squaredBytes),
  };
}
