import { ConfigError, Random } from "@mmgen/core";

/** Which modality stands first in a sequence. */
export type Order = "image-first" | "text-first";

/** Every order, in the order of their numbers in a grammar. */
export const allOrders: readonly Order[] = ["text-first", "image-first"];

/** A fair coin for each example and epoch, the same on every run. */
export interface SeededChoice {
  readonly seed: number;
  readonly epoch: number;
  /** Indices of the rows' examples in their data set, so that batching and shuffling change no coin; absent: 0, 1, 2 … */
  readonly indices?: ArrayLike<number>;
}

/** One order for all rows, one each, the first half of the rows text-first and the others image-first, or a coin. */
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
  if (isCoin(choice)) {
    const { seed, epoch, indices } = choice;
    if (indices !== undefined && indices.length !== count) {
      throw new ConfigError(`order: expected one example index a row (${count}), got ${indices.length}.`);
    }
    const coins = Random.fromSeed(seed).fork("order").fork(epoch);
    return Array.from({ length: count }, (_, row) =>
      coins.fork(indices?.[row] ?? row).uint32() >= 2 ** 31 ? "image-first" : "text-first",
    );
  }
  if (choice.length !== count) {
    throw new ConfigError(`order: expected one order a row (${count}), got a list of ${choice.length}.`);
  }
  return Array.from(choice, checkOrder);
}

/** Throws {@link ConfigError} unless `order` is one of the two. */
export function checkOrder(order: Order): Order {
  if (!allOrders.includes(order)) {
    throw new ConfigError(`order: expected "text-first" or "image-first", got ${JSON.stringify(order)}.`);
  }
  return order;
}

function isCoin(choice: readonly Order[] | SeededChoice): choice is SeededChoice {
  return !Array.isArray(choice);
}
