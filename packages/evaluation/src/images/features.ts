import { ShapeError } from "@mmgen/core";
import { fields, resolveOptions, wholeNumber } from "@mmgen/core/options";

/** How features lie in an array. */
export interface FeatureOptions {
  /** Values of one image's features: `classifier.featureWidth`. */
  readonly dimension: number;
}

/** Fields of {@link FeatureOptions}. */
export const featureFields = { dimension: wholeNumber({ min: 1 }) };
const featureSchema = fields(featureFields);

/** The options, checked. */
export function featureOptions(options: FeatureOptions): FeatureOptions {
  return resolveOptions(featureSchema, options);
}

/**
 * Number of rows of features.
 *
 * @param name - What messages call them.
 * @throws a {@link ShapeError} when they are not whole rows, fewer than `minCount`, or not all finite.
 */
export function checkFeatures(
  name: string,
  features: ArrayLike<number>,
  { dimension, minCount }: { readonly dimension: number; readonly minCount: number },
): number {
  const length = features?.length;
  const count = length / dimension;
  if (!Number.isInteger(count) || count < minCount) {
    throw new ShapeError(
      `${name}: expected at least ${minCount} rows of ${dimension} values, got ${length ?? "none"} in all.`,
    );
  }
  for (let i = 0; i < length; i++) {
    if (!Number.isFinite(features[i])) {
      throw new ShapeError(`${name}: expected finite numbers, got ${features[i]} at index ${i}.`);
    }
  }
  return count;
}
