import { checkImageBatch, type ImageBatch, ShapeError } from "@mmgen/core";

/** How near a reconstruction is to its original. */
export interface ReconstructionMetrics {
  /** Mean squared error of levels scaled to [0, 1]. */
  readonly meanSquaredError: number;
  /** Share of pixel channels whose level is exactly the original's. */
  readonly exactLevelAccuracy: number;
}

/**
 * Compares images with their reconstructions, over all pixels and channels.
 *
 * @throws a {@link ShapeError} when the two batches differ in shape or range, or are empty.
 */
export function reconstructionMetrics(images: ImageBatch, reconstructions: ImageBatch): ReconstructionMetrics {
  checkImageBatch(images);
  checkImageBatch(reconstructions);
  for (const axis of ["count", "height", "width", "channels", "maxValue"] as const) {
    if (images[axis] !== reconstructions[axis]) {
      throw new ShapeError(
        `reconstructionMetrics: the images have ${axis} ${images[axis]}, the reconstructions ${reconstructions[axis]}.`,
      );
    }
  }
  const { length } = images.data;
  if (length === 0) {
    throw new ShapeError("reconstructionMetrics: expected at least one image, got none.");
  }
  let squared = 0;
  let exact = 0;
  for (let i = 0; i < length; i++) {
    const difference = images.data[i]! - reconstructions.data[i]!;
    squared += difference * difference;
    exact += difference === 0 ? 1 : 0;
  }
  return { meanSquaredError: squared / length / images.maxValue ** 2, exactLevelAccuracy: exact / length };
}
