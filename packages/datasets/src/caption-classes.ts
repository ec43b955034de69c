import { DataError } from "@mmgen/core";
import type { CaptionedImages } from "./captioned-images.js";
import type { LabeledImages } from "./labeled-images.js";

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
