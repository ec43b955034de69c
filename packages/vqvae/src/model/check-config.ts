import { ConfigError } from "@mmgen/core";

/** Throws {@link ConfigError} unless `value` is a whole number in `[least, greatest]`. */
export function checkInteger(name: string, value: number, least: number, greatest = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isInteger(value) || value < least || value > greatest) {
    const range = greatest === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${greatest}`;
    throw new ConfigError(`${name}: expected a whole number ${range}, got ${value}.`);
  }
}

/** Throws {@link ConfigError} unless `value` is a number in `[least, below)`. */
export function checkNumber(name: string, value: number, least: number, below = Number.POSITIVE_INFINITY): void {
  if (typeof value !== "number" || !(value >= least && value < below)) {
    throw new ConfigError(`${name}: expected a number in [${least}, ${below}), got ${value}.`);
  }
}

/** Throws {@link ConfigError} unless `value` is one of `names`. */
export function checkOneOf(name: string, value: string, names: readonly string[]): void {
  if (!names.includes(value)) {
    throw new ConfigError(`${name}: expected ${names.map((known) => `"${known}"`).join(" or ")}, got "${value}".`);
  }
}

/**
 * The options over the defaults of their type.
 *
 * @throws a {@link ConfigError} when an option is none of the type's fields: it is misspelled, or another type's.
 */
export function withDefaults<T extends { readonly type: string }>(path: string, defaults: T, options: Partial<T>): T {
  for (const field of Object.keys(options)) {
    if (!Object.hasOwn(defaults, field)) {
      throw new ConfigError(
        `${path}.${field}: "${defaults.type}" has no such field. It has ${Object.keys(defaults).join(", ")}.`,
      );
    }
  }
  return { ...defaults, ...options };
}
