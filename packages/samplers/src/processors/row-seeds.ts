import { ConfigError, Random } from "@mmgen/core";

/**
 * Derives a different seed for each row from one seed.
 *
 * The seed of a row depends only on its number: rows `first … first + count − 1` of a long list get the same seeds,
 * however the list is divided into batches.
 *
 * @param seed - Any safe integer.
 * @param count - Number of seeds.
 * @param first - Number of the first row; 0 by default.
 * @returns Unsigned 32-bit seeds, `[count]`; yours.
 * @throws a {@link ConfigError} when `count` or `first` is not a whole number within `[0, 2^32)`.
 */
export function rowSeeds(seed: number, count: number, first = 0): Uint32Array {
  if (!Number.isInteger(count) || count < 0 || !Number.isInteger(first) || first < 0 || first + count > 2 ** 32) {
    throw new ConfigError(`rowSeeds: expected whole numbers of rows within [0, 2^32), got ${count} from ${first}.`);
  }
  const base = Random.fromSeed(seed).fork("rows").uint32();
  return Uint32Array.from({ length: count }, (_, row) => scramble(base + first + row));
}

/**
 * The seeds of a batch, from either option: `seeds`, one a row, or `seed`.
 *
 * @throws a {@link ConfigError} when both or neither are given, or there are not as many as rows; at temperature 0 none is
 *   needed.
 */
export function seedsOf(
  { seed, seeds }: { readonly seed?: number; readonly seeds?: Uint32Array },
  rows: number,
  temperature: number,
): Uint32Array {
  if (seeds !== undefined) {
    if (seed !== undefined || seeds.length !== rows) {
      throw new ConfigError(
        `seeds: expected one per row (${rows}) and no option seed, got ${seeds.length}${seed === undefined ? "" : " and a seed"}.`,
      );
    }
    return seeds;
  }
  if (seed === undefined && temperature > 0) {
    throw new ConfigError("seed: required at a temperature above 0; give a seed, or seeds with one per row.");
  }
  return rowSeeds(seed ?? 0, rows);
}

/** Permutation of the 32-bit integers (MurmurHash3's finalizer), so that no two rows share a seed. */
function scramble(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
