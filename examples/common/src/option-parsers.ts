import { InvalidArgumentError } from "commander";

/** A commander parser for whole numbers of at least 0. */
export function wholeNumber(text: string): number {
  return wholeNumberFrom(0, text);
}

/** A commander parser for whole numbers of at least 1. */
export function positiveNumber(text: string): number {
  return wholeNumberFrom(1, text);
}

function wholeNumberFrom(least: number, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < least) {
    throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
  }
  return value;
}

/** A commander parser for numbers from `low` to `high`. */
export function numberBetween(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= low && value <= high)) {
      throw new InvalidArgumentError(`Expected a number from ${low} to ${high}.`);
    }
    return value;
  };
}
