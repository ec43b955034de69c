import { ConfigError, Random } from "@mmgen/core";

/**
 * A seed for each row, all different, from one seed.
 *
 * A row's seed depends on its number alone: rows `first … first + count − 1` of a long list get the same seeds in
 * whatever batches they are generated.
 *
 * @param seed - Any safe integer.
 * @param count - How many seeds.
 * @param first - Number of the first row; 0 by default.
 */
export function rowSeeds(seed: number, count: number, first = 0): Uint32Array {
  if (!Number.isInteger(count) || count < 0 || !Number.isInteger(first) || first < 0 || first + count > 2 ** 32) {
    throw new ConfigError(`rowSeeds: expected whole numbers of rows within [0, 2^32), got ${count} from ${first}.`);
  }
  const base = Random.fromSeed(seed).fork("rows").uint32();
  return Uint32Array.from({ length: count }, (_, row) => scramble(base + first + row));
}

/** A one-to-one scrambling of 32-bit integers (MurmurHash3's finalizer), so that no two rows share a seed. */
function scramble(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
