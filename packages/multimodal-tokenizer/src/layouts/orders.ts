import { ConfigError, checkOneOf, Random } from "@mmgen/core";
import { fields, optional, resolveOptions, value } from "@mmgen/core/options";

/** Which modality comes first in a sequence. */
export type Order = "image-first" | "text-first";

/** Every order, in the order of their numbers in a grammar. */
export const allOrders: readonly Order[] = ["text-first", "image-first"];

/** A random choice for each example and epoch, the same on every run. */
export interface SeededChoice {
  readonly seed: number;
  readonly epoch: number;
  /** Indices of the rows' examples in their data set, so that batching and shuffling change no choice; absent: 0, 1, 2 … */
  readonly indices?: ArrayLike<number> | undefined;
}

/** One order for all rows, one each, the first half of the rows text-first and the others image-first, or each by a fair random choice. */
export type OrderChoice = Order | readonly Order[] | "halves" | SeededChoice;

/**
 * The order of each of `count` rows.
 *
 * @throws a {@link ConfigError} when a list has another length or names an unknown order.
 */
export function chooseOrders(choice: OrderChoice, count: number): Order[] {
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
    throw new ConfigError(`order: expected one order a row (${count}), got a list of ${choice.length}.`);
  }
  return Array.from(choice, checkOrder);
}

/** Fields of {@link SeededChoice}. */
export const seededChoiceEntries = {
  seed: value<number>("a whole number", Number.isSafeInteger),
  epoch: value<number>("a number", (epoch) => typeof epoch === "number"),
  indices: optional(value<ArrayLike<number>>("a list of example indices", hasLength)),
};
const seededChoiceSchema = fields(seededChoiceEntries);

/**
 * The random stream of each of `count` rows, by its example's index.
 *
 * @param label - What is chosen, so that one seed serves several choices.
 * @throws a {@link ConfigError} when a field is unknown, or there are not as many indices as rows.
 */
export function seededStreams(label: string, choice: SeededChoice, count: number): (row: number) => Random {
  const { seed, epoch, indices } = resolveOptions(seededChoiceSchema, choice, { path: label });
  if (indices !== undefined && indices.length !== count) {
    throw new ConfigError(`${label}: expected one example index a row (${count}), got ${indices.length}.`);
  }
  const streams = Random.fromSeed(seed).fork(label).fork(epoch);
  return (row) => streams.fork(indices?.[row] ?? row);
}

/** Throws {@link ConfigError} unless `order` is one of the two. */
export function checkOrder(order: Order): Order {
  checkOneOf("order", order, allOrders);
  return order;
}

function hasLength(candidate: unknown): boolean {
  return typeof candidate === "object" && candidate !== null && "length" in candidate;
}

function isList(choice: readonly Order[] | SeededChoice): choice is readonly Order[] {
  return Array.isArray(choice);
}
