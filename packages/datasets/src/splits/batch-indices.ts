import { ConfigError, type Random } from "@mmgen/core";

/** Options of {@link batchIndices}. */
export interface BatchIndicesOptions {
  readonly batchSize: number;
  /** Shuffles when given; absent: the natural order. */
  readonly random?: Random;
  /** Leaves out a last batch smaller than `batchSize`, for training steps of one fixed shape; default false. */
  readonly dropRemainder?: boolean;
}

/**
 * The batches of one epoch over `0 … count − 1`: every index once, in batches of `batchSize`.
 *
 * The order is drawn when the first batch is taken.
 *
 * @throws a {@link ConfigError} when `batchSize` is not a whole number of at least 1.
 */
export function* batchIndices(count: number, options: BatchIndicesOptions): Generator<Int32Array, void> {
  const { batchSize, random, dropRemainder = false } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ConfigError(`batchSize: expected a whole number of at least 1, got ${batchSize}.`);
  }
  const order = random?.permutation(count) ?? Int32Array.from({ length: count }, (_, i) => i);
  const end = dropRemainder ? count - (count % batchSize) : count;
  for (let start = 0; start < end; start += batchSize) {
    yield order.slice(start, Math.min(start + batchSize, end));
  }
}
