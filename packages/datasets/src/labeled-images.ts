import { DataError, gatherImages, type ImageBatch } from "@mmgen/core";
import type { IdxArray } from "./idx.js";

/** Images with a class each. */
export interface LabeledImages {
  readonly images: ImageBatch;
  /** `[count]`, each in `[0, 10)`. */
  readonly labels: Uint8Array;
}

/**
 * Joins the two halves of MNIST or of a drop-in relative (Fashion-MNIST, KMNIST).
 *
 * @param name - What to call the pair in messages.
 * @throws a {@link DataError} when the arrays are not images and labels of ten classes, one for one.
 */
export function joinIdx(images: IdxArray, labels: IdxArray, name = "IDX pair"): LabeledImages {
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || labels.shape.length !== 1) {
    throw new DataError(
      `${name}: expected images of 3 axes and labels of 1 axis, got ${images.shape.length} and ${labels.shape.length}. ` +
        "Are the two files swapped?",
    );
  }
  if (labels.shape[0] !== count) {
    throw new DataError(`${name}: ${count} images and ${labels.shape[0]} labels; the files belong to different sets.`);
  }
  for (let i = 0; i < labels.data.length; i++) {
    if (labels.data[i]! > 9) {
      throw new DataError(`${name}: label ${labels.data[i]} at index ${i}; expected classes 0 to 9.`);
    }
  }
  return {
    images: { data: images.data, count: count!, height: height!, width: width!, channels: 1, maxValue: 255 },
    labels: labels.data,
  };
}

/** A copy of the examples at `indices`, in that order. */
export function gatherLabeled(examples: LabeledImages, indices: ArrayLike<number>): LabeledImages {
  const images = gatherImages(examples.images, indices);
  const labels = Uint8Array.from({ length: indices.length }, (_, i) => examples.labels[indices[i]!]!);
  return { images, labels };
}
