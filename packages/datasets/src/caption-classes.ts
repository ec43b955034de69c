import { DataError } from "@mmgen/core";
import type { CaptionedImages } from "./captioned-images.js";
import type { LabelledImages } from "./labelled-images.js";

/**
 * Captions pictures by their classes: `captionClasses(fashion.train, fashion.classNames)` gives "ankle boot", "bag", …
 *
 * @param classNames - The caption of each class.
 * @returns The same pictures, not copied.
 * @throws a {@link DataError} when a label has no name.
 */
export function captionClasses(pictures: LabelledImages, classNames: readonly string[]): CaptionedImages {
  const captions = Array.from(pictures.labels, (label, i) => {
    const name = classNames[label];
    if (name === undefined) {
      throw new DataError(`captionClasses: picture ${i} has class ${label}, and there are ${classNames.length} names.`);
    }
    return name;
  });
  return { images: pictures.images, captions };
}
