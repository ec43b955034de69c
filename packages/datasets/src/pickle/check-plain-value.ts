import { DataError } from "@mmgen/core";
import { PickledArray } from "./pickled-array.js";

/** A value of a pickle: plain containers and values, and numpy arrays. Tuples are frozen arrays. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickledArray
  | readonly PickleValue[]
  | ReadonlySet<PickleValue>
  | ReadonlyMap<PickleValue, PickleValue>;

/**
 * Checks that a pickle's value consists of plain containers, values and arrays: no function's name is left in it, no
 * container lies in itself, and at most `maxDepth` lie in each other.
 */
export function checkPlainValue(root: unknown, maxDepth: number): asserts root is PickleValue {
  /** How many containers lie in each other from this one on; endless while it is being looked through. */
  const depths = new Map<object, number>();
  const depthOf = (value: unknown, maxBelow: number): number => {
    const items = itemsOf(value);
    if (items === undefined) {
      return 0;
    }
    let depth = depths.get(value as object);
    if (depth === undefined) {
      checkDepth(1, maxBelow);
      depths.set(value as object, Number.POSITIVE_INFINITY);
      depth = 1;
      for (const item of items) {
        depth = Math.max(depth, 1 + depthOf(item, maxBelow - 1));
      }
      depths.set(value as object, depth);
    }
    return checkDepth(depth, maxBelow);
  };
  const checkDepth = (depth: number, maxBelow: number): number => {
    if (depth > maxBelow) {
      const what =
        depth === Number.POSITIVE_INFINITY ? "a container in itself" : `more than ${maxDepth} containers in each other`;
      throw new DataError(`refused, as it holds ${what} (limits.depth).`);
    }
    return depth;
  };
  depthOf(root, maxDepth);
}

/** What a container holds; undefined for a plain value. */
function itemsOf(value: unknown): Iterable<unknown> | undefined {
  if (Array.isArray(value) || value instanceof Set) {
    return value;
  }
  if (value instanceof Map) {
    return keysAndValues(value);
  }
  if (typeof value === "object" && value !== null && !(value instanceof Uint8Array || value instanceof PickledArray)) {
    throw new DataError("refused, as a function's name or a dtype is among its values.");
  }
  return undefined;
}

function* keysAndValues(map: ReadonlyMap<unknown, unknown>): Generator<unknown> {
  for (const [key, value] of map) {
    yield key;
    yield value;
  }
}
