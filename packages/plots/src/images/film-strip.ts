import { concatImages, sliceImages } from "@mmgen/core";
import { fields, listOf, type OptionsOf, optional, resolveOptions, text } from "@mmgen/core/options";
import { countAboveZero, imageBatch } from "../svg/figure-options.js";
import { checkRows, imageRows, layoutFields } from "./image-rows.js";

const filmStripSchema = fields({
  /** States of the same images, first to last, each with what stands above its column. */
  frames: listOf(fields({ label: optional(text(), ""), images: imageBatch }), { minLength: 1 }),
  ...layoutFields,
  /** Frames that are shown, at most: the first, the last, and others at even steps between; 8 by default. */
  columns: optional(countAboveZero, 8),
});

/** Options of {@link filmStrip}. */
export type FilmStripOptions = OptionsOf<typeof filmStripSchema>;

/**
 * Draws how images come about, a row for each of them, from the first frame at the left to the last, as SVG.
 *
 * @throws a `ShapeError` when a batch is malformed or empty, or the frames differ in count or size; a `ConfigError`
 *   without frames or for an unknown option.
 */
export function filmStrip(options: FilmStripOptions): string {
  const { columns, frames, ...rest } = resolveOptions(filmStripSchema, options);
  const { count } = checkRows(frames);
  const shown = evenSteps(frames.length, columns).map((index) => frames[index]!);
  const rows = Array.from({ length: count }, (_, image) => ({
    label: `image ${image + 1}`,
    images: concatImages(shown.map(({ images }) => sliceImages(images, image, image + 1))),
  }));
  const columnLabels = shown.map(({ label }) => label);
  return imageRows({ ...rest, rows, columns: shown.length, columnLabels });
}

/** At most `limit` of the first `count` whole numbers, the first and the last among them, as evenly as they can be. */
function evenSteps(count: number, limit: number): number[] {
  const length = Math.min(count, limit);
  const step = length === 1 ? 0 : (count - 1) / (length - 1);
  return Array.from({ length }, (_, i) => (length === 1 ? count - 1 : Math.round(i * step)));
}
