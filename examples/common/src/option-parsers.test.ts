import { InvalidArgumentError } from "commander";
import { describe, expect, it } from "vitest";
import { positiveNumber, wholeNumber } from "./option-parsers.js";

describe("parsers of whole numbers", () => {
  it("take 0 only where at least 0 is asked for", () => {
    expect([wholeNumber("0"), wholeNumber("12"), positiveNumber("1")]).toEqual([0, 12, 1]);
    expect(() => positiveNumber("0")).toThrow(InvalidArgumentError);
    expect(() => positiveNumber("0")).toThrow("at least 1");
  });

  it.each(["", " ", "-1", "1.5", "many", "1e20"])("refuse %j", (text) => {
    expect(() => wholeNumber(text)).toThrow(InvalidArgumentError);
    expect(() => positiveNumber(text)).toThrow(InvalidArgumentError);
  });
});
