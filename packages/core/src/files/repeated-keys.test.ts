import fc from "fast-check";
import { expect, it } from "vitest";
import { findRepeatedKey } from "./repeated-keys.js";

it.each([
  ['{"a":1,"a":2}', "a"],
  ['{"a":1,"\\u0061":2}', "a"],
  ['{"o":{"k":[],"k":{}}}', "k"],
  ['{"a":[{"x":1},{"x":1,"x":2}]}', "x"],
  ['{"__proto__":1,"__proto__":2}', "__proto__"],
  ['{"":1 , "" :2}', ""],
  ['{"a":{"a":{"a":1}},"b":"a"}', undefined],
  ['[{"a":1},{"a":1}]', undefined],
  ['{"a":"\\"a\\":{","b":"}"}', undefined],
  ['{"a":"x","x":"a"}', undefined],
])("%s repeats %s", (json, repeated) => {
  expect(findRepeatedKey(json)).toBe(repeated);
});

it("finds nothing in what JSON.stringify writes, and everything doubled", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, key) => {
      expect(findRepeatedKey(JSON.stringify(value))).toBeUndefined();
      const pair = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
      expect(findRepeatedKey(`{${pair},${pair}}`)).toBe(key);
    }),
  );
});

it("reads a string of many megabytes without running out of stack", () => {
  expect(findRepeatedKey(JSON.stringify({ a: 'x"'.repeat(4_000_000), b: "x".repeat(8_000_000) }))).toBeUndefined();
});
