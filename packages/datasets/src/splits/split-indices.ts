import { ConfigError, type Random } from "@mmgen/core";

/**
 * Disjoint random subsets of `0 … total − 1`, one for each named size.
 *
 * The first subset is taken from the front of one random order, the others from its end in turn, so a set
 * does not change when the first one grows.
 *
 * @param sizes - How many indices each subset gets, `{ train: 50_000, validation: 10_000 }`.
 * @throws a {@link ConfigError} when the sizes ask for more than there is.
 */
export function splitIndices<Name extends string>(
  total: number,
  sizes: Readonly<Record<Name, number>>,
  random: Random,
): Record<Name, Int32Array> {
  const entries = Object.entries(sizes) as [Name, number][];
  const bad = entries.find(([, size]) => !Number.isInteger(size) || size < 0);
  if (bad) {
    throw new ConfigError(`split "${bad[0]}": expected a whole number of at least 0, got ${bad[1]}.`);
  }
  const asked = entries.reduce((sum, [, size]) => sum + size, 0);
  if (asked > total) {
    const written = entries.map(([name, size]) => `${name} ${size}`).join(" + ");
    throw new ConfigError(`splits: ${written} = ${asked} examples asked for, and there are ${total}.`);
  }
  const order = random.permutation(total);
  const splits = {} as Record<Name, Int32Array>;
  let end = total;
  entries.forEach(([name, size], i) => {
    splits[name] = i === 0 ? order.slice(0, size) : order.slice(end - size, end);
    end -= i === 0 ? 0 : size;
  });
  return splits;
}
