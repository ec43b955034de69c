import {
  boolean,
  fields,
  type OptionsOf,
  optional,
  resolveOptions,
  seededRandom,
  wholeNumber,
} from "@mmgen/core/options";

const batchIndicesSchema = fields({
  /** Examples in a batch. */
  batchSize: wholeNumber({ min: 1 }),
  /** Shuffles the examples; by default they keep their order. */
  random: optional(seededRandom()),
  /** Leaves out a last batch smaller than `batchSize`, for training steps of one fixed shape; default false. */
  dropRemainder: optional(boolean(), false),
});

/** Options of {@link batchIndices}. */
export type BatchIndicesOptions = OptionsOf<typeof batchIndicesSchema>;

/**
 * Yields the batches of one epoch over `0 … count − 1`: every index once, `batchSize` at a time.
 *
 * The order is drawn when the first batch is taken.
 *
 * @param count - Number of examples.
 * @returns Batches of indices; yours.
 * @throws a `ConfigError` when an option is unknown or out of range.
 */
export function* batchIndices(count: number, options: BatchIndicesOptions): Generator<Int32Array, void> {
  const { batchSize, random, dropRemainder } = resolveOptions(batchIndicesSchema, options);
  const order = random?.permutation(count) ?? Int32Array.from({ length: count }, (_, i) => i);
  const end = dropRemainder ? count - (count % batchSize) : count;
  for (let start = 0; start < end; start += batchSize) {
    yield order.slice(start, Math.min(start + batchSize, end));
  }
}
