import { type CodeBatch, checkCodeBatch, checkImageBatch, type ImageBatch, ShapeError } from "@mmgen/core";
import type { VqVaeConfig } from "./config.js";

/** Throws {@link ShapeError} unless the images are of the side, channels and maxValue that a model is made for. */
export function checkImages(images: ImageBatch, { imageSide, channels, maxValue }: VqVaeConfig): void {
  const expected = { height: imageSide, width: imageSide, channels, maxValue };
  for (const [axis, size] of Object.entries(expected) as [keyof typeof expected, number][]) {
    if (images[axis] !== size) {
      throw new ShapeError(
        `images: this model takes ${imageSide}×${imageSide}×${channels} with maxValue ${maxValue}, got ${axis} ` +
          `${images[axis]}. Convert the images, or make a model for them.`,
      );
    }
  }
  checkImageBatch(images);
}

/** Throws {@link ShapeError} unless the codes lie on a model's grid and in its codebook. */
export function checkCodes(
  codes: CodeBatch,
  { height, width }: { readonly height: number; readonly width: number },
  codebookSize: number,
): void {
  if (codes.height !== height || codes.width !== width) {
    throw new ShapeError(
      `codes: this model's images have ${height}×${width} codes, got ${codes.height}×${codes.width}.`,
    );
  }
  checkCodeBatch(codes, codebookSize);
}
