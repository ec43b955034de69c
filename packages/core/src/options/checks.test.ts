import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors/errors.js";
import { checkNumber, checkOneOf, checkWholeNumber } from "./checks.js";

describe("checks of plain arguments", () => {
  it("take what is in range", () => {
    checkWholeNumber("count", 1, { min: 1, max: 1 });
    checkNumber("rate", 0, { min: 0, below: 1 });
    checkNumber("rate", -1e300);
    checkOneOf("mode", "ema", ["ema", "gradient"]);
  });

  it.each<[() => void, string]>([
    [() => checkWholeNumber("count", 0, { min: 1 }), "count: expected a whole number of at least 1, got 0 (number)."],
    [() => checkWholeNumber("count", 2 ** 53, {}), "count: expected a whole number, got 9007199254740992 (number)."],
    [() => checkWholeNumber("count", 256, { min: 1, max: 255 }), "expected a whole number from 1 to 255, got 256"],
    [() => checkWholeNumber("count", "3", { max: 3 }), 'expected a whole number of at most 3, got "3" (string).'],
    [() => checkNumber("rate", 0, { above: 0 }), "rate: expected a number above 0, got 0 (number)."],
    [() => checkNumber("rate", 1.1, { min: 0, max: 1 }), "expected a number of at least 0 and at most 1, got 1.1"],
    [() => checkNumber("rate", Number.POSITIVE_INFINITY), "expected a finite number, got Infinity (number)."],
    [
      () => checkOneOf("mode", "emma", ["ema", "gradient"]),
      'mode: expected "ema" or "gradient", got "emma" (string); did you mean "ema"?',
    ],
    [() => checkOneOf("mode", "toString", ["ema"]), 'mode: expected "ema", got "toString" (string).'],
  ])("refuse the rest (%#)", (check, message) => {
    expect(check).toThrow(ConfigError);
    expect(check).toThrow(message);
  });
});
