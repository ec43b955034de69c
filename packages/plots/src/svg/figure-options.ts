import { DataError, type ImageBatch } from "@mmgen/core";
import { listOf, oneOf, optional, text, value, wholeNumber } from "@mmgen/core/options";
import { themeNames } from "./theme.js";

/** The options that every figure has. */
export const figureFields = {
  /** In bold above the figure. Default: none. */
  title: optional(text()),
  /** A quieter line under the title: seed, temperature, number of examples. Default: none. */
  subtitle: optional(text()),
  /** Colors; "light" by default. */
  theme: optional(oneOf(themeNames), "light"),
};

/** `[count, height, width, channels]`; its form is checked where it is drawn. */
export const imageBatch = value<ImageBatch>("a batch of images", (candidate) => candidate instanceof Object);

/** An array or typed array of numbers; its length and values are checked where it is drawn. */
export const numbers = value<ArrayLike<number>>(
  "a list of numbers",
  (candidate) => candidate instanceof Object && Number.isInteger((candidate as ArrayLike<number>).length),
);

export const texts = listOf(text());
export const countAboveZero = wholeNumber({ min: 1 });

/**
 * The sum of counts.
 *
 * @param name - What messages call the counts.
 * @throws a {@link DataError} for a count that is not a whole number of at least 0.
 */
export function sumCounts(name: string, counts: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!;
    if (!Number.isInteger(count) || count < 0) {
      throw new DataError(`${name}: expected whole numbers of at least 0, got ${count} at index ${i}.`);
    }
    sum += count;
  }
  return sum;
}
