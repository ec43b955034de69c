import { ConfigError, checkImageBatch, describeValue, type ImageBatch } from "@mmgen/core";
import { fields, optional, resolveOptions, value } from "@mmgen/core/options";

/** A field of any value: what it stands for checks it. */
export const anything = () => value<unknown>("a value", () => true);

/**
 * Refuses a field that is none of these, with the nearest known name. The values are checked where they are used.
 *
 * @param path - The name under which the caller knows the options; "" for a call's own.
 * @throws a `ConfigError` when `options` is no object or has another field.
 */
export function checkFields(path: string, options: unknown, names: readonly string[]): void {
  resolveOptions(fields(Object.fromEntries(names.map((name) => [name, optional(anything())]))), options, { path });
}

/** Throws a {@link ConfigError} unless `captions` is a list of strings. */
export function checkCaptions(captions: unknown): asserts captions is readonly string[] {
  const wrong = Array.isArray(captions) ? captions.findIndex((caption) => typeof caption !== "string") : -1;
  if (!Array.isArray(captions) || wrong >= 0) {
    const found = Array.isArray(captions)
      ? `${describeValue(captions[wrong])} at index ${wrong}`
      : describeValue(captions);
    throw new ConfigError(`captions: expected a list of strings, got ${found}.`);
  }
}

/** Throws a {@link ConfigError} unless `images` is an `ImageBatch`, a `ShapeError` where its parts do not fit. */
export function checkImages(images: unknown): asserts images is ImageBatch {
  const isBatch =
    typeof images === "object" && images !== null && "data" in images && images.data instanceof Uint8Array;
  if (!isBatch) {
    throw new ConfigError(
      `images: expected { data: Uint8Array, count, height, width, channels, maxValue }, got ${describeValue(images)}.`,
    );
  }
  checkImageBatch(images as ImageBatch);
}
