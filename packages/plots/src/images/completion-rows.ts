import { gatherImages, ShapeError } from "@mmgen/core";
import { fields, listOf, type OptionsOf, resolveOptions, text } from "@mmgen/core/options";
import { imageBatch } from "../svg/figure-options.js";
import { imageRows, layoutFields } from "./image-rows.js";
import { checkDisplayable } from "./pixels.js";

const completionRowsSchema = fields({
  /** `[count, height, width, channels]`; borrowed. */
  original: imageBatch,
  /** What was kept of each, as `maskedImages` shows it. */
  kept: imageBatch,
  /** Each with several completions of every original, those of the first original first: `[count · times, …]`. */
  completions: listOf(fields({ label: text(), images: imageBatch }), { minLength: 1 }),
  ...layoutFields,
});

/** Options of {@link completionRows}. */
export type CompletionRowsOptions = OptionsOf<typeof completionRowsSchema>;

/**
 * Draws originals, what was kept of them, and below each its completions, numbered, as SVG.
 *
 * @throws a {@link ShapeError} when batches differ in size, or the completions are not as many of each original.
 */
export function completionRows(options: CompletionRowsOptions): string {
  const { completions, kept, original, ...rest } = resolveOptions(completionRowsSchema, options);
  checkDisplayable(original);
  const rows = completions.flatMap(({ images, label }) => {
    checkDisplayable(images);
    const times = images.count / original.count;
    if (!Number.isInteger(times)) {
      throw new ShapeError(
        `completions: expected "${label}" to hold as many of each of ${original.count} originals, got ${images.count} images.`,
      );
    }
    return Array.from({ length: times }, (_, variant) => ({
      label: `${label} ${variant + 1}`.trim(),
      images: gatherImages(
        images,
        Array.from({ length: original.count }, (_, i) => i * times + variant),
      ),
    }));
  });
  return imageRows({
    ...rest,
    rows: [{ label: "original", images: original }, { label: "kept", images: kept }, ...rows],
  });
}
