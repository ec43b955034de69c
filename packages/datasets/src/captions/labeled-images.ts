import { DataError, gatherImages, type ImageBatch } from "@mmgen/core";
import type { CaptionedImages } from "./captioned-images.js";

/** Images with a class each. */
export interface LabeledImages {
  readonly images: ImageBatch;
  /** `[count]`, each in `[0, 10)`. */
  readonly labels: Uint8Array;
}

/** Copies the examples at `indices`, in that order. */
export function gatherLabeled(examples: LabeledImages, indices: ArrayLike<number>): LabeledImages {
  const images = gatherImages(examples.images, indices);
  const labels = Uint8Array.from({ length: indices.length }, (_, i) => examples.labels[indices[i]!]!);
  return { images, labels };
}

/**
 * Captions images by their classes: `captionClasses(fashion.train, fashion.classNames)` gives "ankle boot", "bag", …
 *
 * @param classNames - The caption of each class.
 * @returns The same images, not copied.
 * @throws a {@link DataError} when a label has no name.
 */
export function captionClasses(images: LabeledImages, classNames: readonly string[]): CaptionedImages {
  const captions = Array.from(images.labels, (label, i) => {
    const name = classNames[label];
    if (name === undefined) {
      throw new DataError(`captionClasses: image ${i} has class ${label}, and there are ${classNames.length} names.`);
    }
    return name;
  });
  return { images: images.images, captions };
}
