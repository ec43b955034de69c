import { ConfigError, checkWholeNumber, type Random } from "@mmgen/core";

/**
 * Draws disjoint random subsets of `0 … total − 1`, one for each named size.
 *
 * The first subset is taken from the front of one random order, the others in turn from its end: a larger first subset
 * contains a smaller one and leaves the others as they are.
 *
 * @param total - Number of examples to draw from.
 * @param sizes - Number of indices in each subset: `{ train: 50_000, validation: 10_000 }`.
 * @param random - Draws the order; borrowed and advanced.
 * @returns Under each name an array of its size; yours.
 * @throws a {@link ConfigError} when a size is not a whole number of at least 0, or they add up to more than `total`.
 */
export function splitIndices<Name extends string>(
  total: number,
  sizes: Readonly<Record<Name, number>>,
  random: Random,
): Record<Name, Int32Array> {
  const entries = Object.entries(sizes) as [Name, number][];
  for (const [name, size] of entries) {
    checkWholeNumber(`split "${name}"`, size, { min: 0 });
  }
  const asked = entries.reduce((sum, [, size]) => sum + size, 0);
  if (asked > total) {
    const written = entries.map(([name, size]) => `${name} ${size}`).join(" + ");
    throw new ConfigError(`splits: expected at most ${total} examples in all, got ${written} = ${asked}.`);
  }
  const order = random.permutation(total);
  let end = total;
  const splits = entries.map(([name, size], i): [string, Int32Array] => {
    const split = i === 0 ? order.slice(0, size) : order.slice(end - size, end);
    end -= i === 0 ? 0 : size;
    return [name, split];
  });
  // Not by assignment, which would lose a split called "__proto__".
  return Object.fromEntries(splits) as Record<Name, Int32Array>;
}
