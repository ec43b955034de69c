import { describe, expect, it } from "vitest";
import { describeValue } from "./describe-value.js";

describe("describeValue", () => {
  it.each<[unknown, string]>([
    ["1", '"1" (string)'],
    [Number.NaN, "NaN (number)"],
    [-0, "-0 (number)"],
    [5n, "5n (bigint)"],
    [true, "true (boolean)"],
    [undefined, "undefined"],
    [null, "null"],
    [Symbol("a"), "Symbol(a) (symbol)"],
    [[1, [2, [3]]], "[1, [2, […]]] (array)"],
    [{ type: "fsq", levels: [8] }, '{"type": "fsq", "levels": [8]} (object)'],
    [new Float32Array(784), "[0, 0, 0, 0, 0, 0, 0, 0, …] (Float32Array of 784)"],
    [function train() {}, "train (function)"],
    [() => 0, "anonymous (function)"],
    ["a\u0000\n\u001b[2J\u202e\u2028", '"a\\u0000\\n\\u001b[2J\\u202e\\u2028" (string)'],
  ])("%o is %s", (value, text) => {
    expect(describeValue(value)).toBe(text);
  });

  it("never takes more than 200 characters, nor a value's own errors", () => {
    const hostile = {
      get a(): never {
        throw new Error("no");
      },
      toJSON: 3,
      long: "x".repeat(1e6),
    };
    const cyclic: unknown[] = [];
    cyclic.push(cyclic, cyclic);
    const values = [
      "😀".repeat(300),
      "x".repeat(1e6),
      10n ** 5000n,
      hostile,
      cyclic,
      Symbol("x".repeat(500)),
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw 1;
          },
        },
      ),
    ];
    for (const value of values) {
      expect(describeValue(value).length).toBeLessThanOrEqual(200);
      expect(describeValue(value)).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
    }
    expect(describeValue(hostile)).toContain('"a": unreadable');
  });
});
