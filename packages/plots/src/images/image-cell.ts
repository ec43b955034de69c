import { type ImageBatch, ShapeError } from "@mmgen/core";
import { escapeMarkup } from "../svg/svg.js";
import type { Theme } from "../svg/theme.js";
import { dataUrl, displayPixels, encodePng } from "./pixels.js";

/** The whole-number scale at which the longer side of an image is nearest to `side` CSS pixels. */
export function scaleFor(images: ImageBatch, side: number): number {
  return Math.max(1, Math.round(side / Math.max(images.height, images.width)));
}

/** Writes one image of a checked batch, its top left pixel at (x, y), inside a hairline that covers no pixel of it. */
export function svgImage(
  images: ImageBatch,
  index: number,
  place: { x: number; y: number; scale: number; label: string },
  theme: Theme,
): string {
  const { x, y, scale, label } = place;
  const width = images.width * scale;
  const height = images.height * scale;
  const address = dataUrl(encodePng(displayPixels(images, index, scale)), "image/png");
  return (
    `<rect x="${x - 0.5}" y="${y - 0.5}" width="${width + 1}" height="${height + 1}" fill="none" stroke="${theme.line}"/>` +
    `<image x="${x}" y="${y}" width="${width}" height="${height}" image-rendering="optimizeSpeed" href="${address}">` +
    `<title>${escapeMarkup(label)}</title></image>`
  );
}

/** Throws a {@link ShapeError} unless a list is absent or has one item for each of `count` images. */
export function checkOneEach(name: string, list: readonly unknown[] | undefined, count: number): void {
  if (list !== undefined && list.length !== count) {
    throw new ShapeError(`${name}: expected one for each of ${count} images, got ${list.length}.`);
  }
}
