import { ConfigError, checkOneOf, Random } from "@mmgen/core";
import { fields, number, optional, resolveOptions, value } from "@mmgen/core/options";

/** Order of a sequence: which modality comes first. */
export type Order = "image-first" | "text-first";

/** Both orders, in the order in which a grammar numbers them. */
export const allOrders: readonly Order[] = ["text-first", "image-first"];

/** Seeded random choice for each example and epoch, reproducible between runs. */
export interface SeededChoice {
  readonly seed: number;
  readonly epoch: number;
  /**
   * Indices of the rows' examples in their data set, so that the choice does not depend on batching or shuffling;
   * absent: 0, 1, 2 …
   */
  readonly indices?: ArrayLike<number> | undefined;
}

/**
 * Order of the rows of a batch: one for all, a list with one per row, `"halves"` (the first half of the rows
 * text-first, the others image-first), or a fair random choice for each row.
 */
export type OrderChoice = Order | readonly Order[] | "halves" | SeededChoice;

/**
 * Chooses the order of each of `count` rows.
 *
 * @throws a {@link ConfigError} when a list has another length or names an unknown order.
 */
export function chooseOrders(choice: OrderChoice, count: number): Order[] {
  resolveOptions(choiceSchema, choice, { path: "order" });
  if (choice === "halves") {
    return Array.from({ length: count }, (_, row) => (2 * row < count ? "text-first" : "image-first"));
  }
  if (typeof choice === "string") {
    return new Array<Order>(count).fill(checkOrder(choice));
  }
  if (!isList(choice)) {
    const streamOf = seededStreams("order", choice, count);
    return Array.from({ length: count }, (_, row) =>
      streamOf(row).uint32() >= 2 ** 31 ? "image-first" : "text-first",
    );
  }
  if (choice.length !== count) {
    throw new ConfigError(`order: expected one order per row (${count}), got a list of ${choice.length}.`);
  }
  return Array.from(choice, checkOrder);
}

const choiceSchema = value<OrderChoice>(
  '"text-first", "image-first", "halves", a list of orders, or { seed, epoch }',
  (choice) => typeof choice === "string" || Array.isArray(choice) || (typeof choice === "object" && choice !== null),
);

/** Fields of {@link SeededChoice}. */
export const seededChoiceEntries = {
  seed: value<number>("a whole number", Number.isSafeInteger),
  epoch: number(),
  indices: optional(value<ArrayLike<number>>("a list of example indices", isIndexList)),
};
const seededChoiceSchema = fields(seededChoiceEntries);

/**
 * Creates the random stream of each of `count` rows, from the index of its example.
 *
 * @param label - Name of the choice, so that one seed can serve several independent choices.
 * @throws a {@link ConfigError} when a field is unknown, or the number of indices is not the number of rows.
 */
export function seededStreams(label: string, choice: SeededChoice, count: number): (row: number) => Random {
  const { seed, epoch, indices } = resolveOptions(seededChoiceSchema, choice, { path: label });
  if (indices !== undefined && indices.length !== count) {
    throw new ConfigError(`${label}: expected one example index per row (${count}), got ${indices.length}.`);
  }
  const streams = Random.fromSeed(seed).fork(label).fork(epoch);
  return (row) => streams.fork(indices?.[row] ?? row);
}

/** Returns `order`; throws {@link ConfigError} unless it is one of the two. */
export function checkOrder(order: Order): Order {
  checkOneOf("order", order, allOrders);
  return order;
}

function isIndexList(candidate: unknown): boolean {
  return Array.isArray(candidate) ? candidate.every(Number.isSafeInteger) : ArrayBuffer.isView(candidate);
}

function isList(choice: readonly Order[] | SeededChoice): choice is readonly Order[] {
  return Array.isArray(choice);
}
