import type { DrawnImages } from "../protocol/messages.js";

/** How long images took, as a sentence. */
export function speedOf({ codesPerImage, images, milliseconds }: DrawnImages): string {
  const seconds = (milliseconds / 1000).toFixed(1);
  const speed = Math.round((codesPerImage * images.count * 1000) / milliseconds);
  const what = images.count === 1 ? "1 image" : `${images.count} images`;
  return `${what} of ${codesPerImage} codes in ${seconds} s: ${speed.toLocaleString("en")} codes a second.`;
}
