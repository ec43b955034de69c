import { describeValue } from "../errors/describe-value.js";
import { ConfigError } from "../errors/errors.js";
import { nearestWords } from "../errors/nearest-words.js";

/** Bounds of a whole number, both included. */
export interface WholeNumberRange {
  readonly min?: number;
  readonly max?: number;
}

/** Bounds of a number: `min` and `max` included, `above` and `below` not. */
export interface NumberRange {
  readonly min?: number;
  readonly above?: number;
  readonly max?: number;
  readonly below?: number;
}

/**
 * Checks an argument that stands alone; options go through `resolveOptions`.
 *
 * @throws {@link ConfigError} unless `value` is a whole number within the range, both ends included.
 */
export function checkWholeNumber(name: string, value: unknown, range: WholeNumberRange = {}): asserts value is number {
  if (!isWholeNumber(value, range)) {
    throw new ConfigError(`${name}: expected ${expectWholeNumber(range)}, got ${describeValue(value)}.`);
  }
}

/** Throws {@link ConfigError} unless `value` is a finite number within the range. */
export function checkNumber(name: string, value: unknown, range: NumberRange = {}): asserts value is number {
  if (!isNumber(value, range)) {
    throw new ConfigError(`${name}: expected ${expectNumber(range)}, got ${describeValue(value)}.`);
  }
}

/** Throws {@link ConfigError}, with the nearest name, unless `value` is one of `names`. */
export function checkOneOf<const Name extends string>(
  name: string,
  value: unknown,
  names: readonly Name[],
): asserts value is Name {
  if (!names.includes(value as Name)) {
    throw new ConfigError(`${name}: ${explainOneOf(value, names)}`);
  }
}

/** `a whole number from 1 to 255`. */
export function expectWholeNumber({
  min = Number.MIN_SAFE_INTEGER,
  max = Number.MAX_SAFE_INTEGER,
}: WholeNumberRange): string {
  const hasMin = min > Number.MIN_SAFE_INTEGER;
  if (max < Number.MAX_SAFE_INTEGER) {
    return hasMin ? `a whole number from ${min} to ${max}` : `a whole number of at most ${max}`;
  }
  return hasMin ? `a whole number of at least ${min}` : "a whole number";
}

export function isWholeNumber(
  candidate: unknown,
  { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER }: WholeNumberRange,
): boolean {
  return Number.isSafeInteger(candidate) && (candidate as number) >= min && (candidate as number) <= max;
}

/** `a number of at least 0 and below 1`. */
export function expectNumber({ min, above, max, below }: NumberRange): string {
  const bounds = [
    ...(min === undefined ? [] : [`of at least ${min}`]),
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(max === undefined ? [] : [`${min === undefined ? "of " : ""}at most ${max}`]),
    ...(below === undefined ? [] : [`below ${below}`]),
  ];
  return bounds.length === 0 ? "a finite number" : `a number ${bounds.join(" and ")}`;
}

export function isNumber(candidate: unknown, { min, above, max, below }: NumberRange): boolean {
  return (
    Number.isFinite(candidate) &&
    (candidate as number) >= (min ?? Number.NEGATIVE_INFINITY) &&
    (candidate as number) > (above ?? Number.NEGATIVE_INFINITY) &&
    (candidate as number) <= (max ?? Number.POSITIVE_INFINITY) &&
    (candidate as number) < (below ?? Number.POSITIVE_INFINITY)
  );
}

/** `expected "ema" or "gradient", got "emma" (string); did you mean "ema"?` */
export function explainOneOf(input: unknown, names: readonly string[]): string {
  const [nearest] = typeof input === "string" ? nearestWords(input.slice(0, 100), names, 1) : [];
  const suggestion = nearest === undefined ? "." : `; did you mean "${nearest}"?`;
  return `expected ${quotedList(names)}, got ${describeValue(input)}${suggestion}`;
}

/** `"ema", "gradient" or "none"`. */
export function quotedList(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  return quoted.length > 1 ? `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}` : `${quoted[0]}`;
}
