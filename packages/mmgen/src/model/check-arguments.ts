import { checkImageBatch, type ImageBatch } from "@mmgen/core";
import { fields, listOf, optional, resolveOptions, text, value } from "@mmgen/core/options";

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

/** Throws a `ConfigError` unless `captions` is a list of strings. */
export function checkCaptions(captions: unknown): asserts captions is readonly string[] {
  resolveOptions(listOf(text()), captions, { path: "captions" });
}

/** Throws a `ShapeError` unless `images` is an `ImageBatch`. */
export function checkImages(images: unknown): asserts images is ImageBatch {
  checkImageBatch(images as ImageBatch);
}
