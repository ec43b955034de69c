import * as v from "valibot";
import { describeValue } from "../errors/describe-value.js";
import type { Random } from "../random/random.js";
import {
  expectNumber,
  expectWholeNumber,
  explainOneOf,
  isNumber,
  isWholeNumber,
  type NumberRange,
  type WholeNumberRange,
} from "./checks.js";

/** A field that takes what `accepts` says; any other value is refused as `expected <expectation>, got …`. */
export function value<T>(expectation: string, accepts: (value: unknown) => boolean): v.CustomSchema<T, MessageOf> {
  return v.custom<T, MessageOf>(accepts, ({ input }) => `expected ${expectation}, got ${describeValue(input)}.`);
}

type MessageOf = (issue: v.CustomIssue) => string;

/** A whole number that float64 holds exactly, within the range. */
export function wholeNumber(range: WholeNumberRange = {}): v.CustomSchema<number, MessageOf> {
  return value(expectWholeNumber(range), (candidate) => isWholeNumber(candidate, range));
}

/** A finite number within the range. */
export function number(range: NumberRange = {}): v.CustomSchema<number, MessageOf> {
  return value(expectNumber(range), (candidate) => isNumber(candidate, range));
}

/** A finite number above 0. */
export function positiveNumber(): v.CustomSchema<number, MessageOf> {
  return number({ above: 0 });
}

/** A finite number from 0 up to and without 1: a share that must leave something, such as a dropout rate. */
export function shareBelowOne(): v.CustomSchema<number, MessageOf> {
  return number({ min: 0, below: 1 });
}

/** `true` or `false`, and nothing that only reads so. */
export function boolean(): v.CustomSchema<boolean, MessageOf> {
  return value("true or false", (candidate) => typeof candidate === "boolean");
}

/** A string; with `minLength` 1, one that is not empty. */
export function text({ minLength = 0, maxLength = Number.POSITIVE_INFINITY } = {}): v.CustomSchema<string, MessageOf> {
  const bounds = [
    ...(minLength === 1 ? ["that is not empty"] : minLength > 1 ? [`of at least ${minLength} characters`] : []),
    ...(maxLength < Number.POSITIVE_INFINITY ? [`of at most ${maxLength} characters`] : []),
  ];
  return value(
    ["a string", bounds.join(" and ")].join(" ").trimEnd(),
    (candidate) => typeof candidate === "string" && candidate.length >= minLength && candidate.length <= maxLength,
  );
}

/** One of a few strings. A string that is none of them is answered with the nearest. */
export function oneOf<const Name extends string>(names: readonly Name[]): v.CustomSchema<Name, MessageOf> {
  return v.custom<Name, MessageOf>(
    (candidate) => names.includes(candidate as Name),
    ({ input }) => explainOneOf(input, names),
  );
}

/** A function. It is kept as it is. */
export function functionValue<T extends (...args: never[]) => unknown>(): v.CustomSchema<T, MessageOf> {
  return value("a function", (candidate) => typeof candidate === "function");
}

/** A typed array of one type, also from another realm (an iframe, a worker, `node:vm`). It is kept as it is. */
export function typedArray<T extends ArrayBufferView>(name: string): v.CustomSchema<T, MessageOf> {
  const tag = `[object ${name}]`;
  return value(
    `${name.startsWith("Int") ? "an" : "a"} ${name}`,
    (candidate) => Object.prototype.toString.call(candidate) === tag,
  );
}

/** A seeded generator, from any copy of this package. It is kept as it is. */
export function seededRandom(): v.CustomSchema<Random, MessageOf> {
  return value("a Random of @mmgen/core, such as Random.fromSeed(1)", (candidate) => {
    const { fork, normals, permutation } = (candidate ?? {}) as Partial<Random>;
    return [fork, normals, permutation].every((method) => typeof method === "function");
  });
}

/** A list of which every item follows `item`; the output is a copy. */
export function listOf<Item extends v.GenericSchema>(
  item: Item,
  {
    minLength = 0,
    maxLength = Number.POSITIVE_INFINITY,
  }: { readonly minLength?: number; readonly maxLength?: number } = {},
): v.GenericSchema<readonly v.InferInput<Item>[], readonly v.InferOutput<Item>[]> {
  const range = { min: minLength, max: maxLength };
  const bounds = minLength === 0 && maxLength === Number.POSITIVE_INFINITY ? "" : ` of ${lengthRange(range)} values`;
  const isList = (candidate: unknown): boolean =>
    Array.isArray(candidate) && candidate.length >= minLength && candidate.length <= maxLength;
  return v.pipe(value<readonly v.InferInput<Item>[]>(`a list${bounds}`, isList), v.array(item));
}

function lengthRange({ min, max }: { readonly min: number; readonly max: number }): string {
  if (min === max) {
    return `${min}`;
  }
  return max === Number.POSITIVE_INFINITY ? `at least ${min}` : min === 0 ? `at most ${max}` : `${min} to ${max}`;
}
