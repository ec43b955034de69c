import { DataError } from "@mmgen/core";
import { type Account, PickledArray, PickledDtype, toBytes } from "./pickled-array.js";

/** Whether a value of a pickle being read is a tuple: they are frozen, lists are not. */
export function isTuple(value: unknown): boolean {
  return Array.isArray(value) && Object.isFrozen(value);
}

/** A name that a pickle may ask for, and what a call of it gives. */
export class PickledName {
  readonly #name: string;
  readonly #function: ((args: readonly unknown[]) => unknown) | undefined;

  /** @param made - Makes the result; absent for a name that is only handed on. */
  constructor(name: string, made?: (args: readonly unknown[]) => unknown) {
    this.#name = name;
    this.#function = made;
  }

  call(args: readonly unknown[]): unknown {
    if (this.#function === undefined) {
      throw new DataError(`refused, as it calls ${this.#name} itself.`);
    }
    return this.#function(args);
  }
}

/**
 * The Python names that pickles of numpy arrays and plain containers use, under the module paths of Python 2 and 3 and
 * of numpy 1 and 2. Created for each pickle, so that no pickle can change how another is read.
 */
export function pickledNames(account: Account): ReadonlyMap<string, PickledName> {
  const names = new Map<string, PickledName>();
  const add = (name: string, made?: (args: readonly unknown[]) => unknown): PickledName => {
    const entry = new PickledName(name, made);
    names.set(name, entry);
    return entry;
  };
  const ndarray = add("numpy.ndarray");
  add("numpy.dtype", (args) => new PickledDtype(args));
  // Protocol 2 writes bytes as text, to be encoded again.
  add("_codecs.encode", ([text, encoding]) => {
    if (typeof text !== "string" || encoding !== "latin1") {
      throw new DataError("refused, as it asks for another use of _codecs.encode than of a text to latin1.");
    }
    return toBytes(text, account);
  });
  for (const core of ["numpy.core", "numpy._core"]) {
    add(`${core}.multiarray._reconstruct`, ([type]) => {
      if (type !== ndarray) {
        throw new DataError("Pickled numpy array: expected numpy.ndarray itself, got a subclass.");
      }
      account.spend(128);
      return new PickledArray();
    });
    add(`${core}.numeric._frombuffer`, (args) => {
      account.spend(128);
      return PickledArray.fromBuffer(args, account);
    });
  }
  // Before protocol 5 there is no operation for a bytearray, before 4 none for sets, before 3 none for empty bytes.
  for (const builtins of ["__builtin__", "builtins"]) {
    for (const name of ["set", "frozenset"]) {
      add(`${builtins}.${name}`, ([items]) => {
        if (!Array.isArray(items)) {
          throw new DataError("refused, as it makes a set of what is no list.");
        }
        return addItems(new Set(), items, account);
      });
    }
    for (const name of ["bytes", "bytearray"]) {
      add(`${builtins}.${name}`, ([content = new Uint8Array(0)]) => {
        if (!(content instanceof Uint8Array)) {
          throw new DataError(`refused, as it asks for another use of ${name} than of bytes.`);
        }
        return content;
      });
    }
  }
  return names;
}

/** Adds items to a set, counted before. */
export function addItems(set: Set<unknown>, items: readonly unknown[], account: Account): Set<unknown> {
  account.spend(128 + 48 * items.length);
  for (const item of items) {
    set.add(checkKey(item));
  }
  return set;
}

/**
 * Checks a key of a dictionary or an item of a set.
 *
 * @throws a {@link DataError} for lists, dictionaries and arrays, which are none in Python either.
 */
export function checkKey(key: unknown): unknown {
  const isOther = typeof key === "object" && key !== null;
  if (isOther && !isTuple(key) && !(key instanceof Uint8Array || key instanceof Set)) {
    throw new DataError("not a readable pickle: a key of a dictionary or set is a list, a dictionary or an array.");
  }
  return key;
}
