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
