import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findRepeatedKey, parseJson } from "./parse-json.js";

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

describe("parseJson", () => {
  it("reads what JSON.parse reads, or says why not", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        expect(parseJson(JSON.stringify(value)).value).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { problem } = parseJson(text);
        expect(problem === undefined).toBe(isJson(text));
      }),
    );
    expect(parseJson('{"a":1,"a":2}')).toEqual({ problem: 'holds "a" twice' });
    const read = parseJson('{"__proto__":{"polluted":1}}').value as object;
    expect(Object.keys(read)).toEqual(["__proto__"]);
    expect("polluted" in read).toBe(false);
  });

  it("refuses what is deep or holds many values before it makes any of them", () => {
    expect(parseJson(`${"[".repeat(64)}${"]".repeat(64)}`).problem).toBeUndefined();
    expect(parseJson("[".repeat(65)).problem).toBe("is more than 64 levels deep");
    expect(parseJson("[".repeat(1e7)).problem).toBe("is more than 64 levels deep");
    expect(parseJson('"[[["', { maxDepth: 1 }).value).toBe("[[[");
    expect(parseJson("[1,2]", { maxValues: 3 }).value).toEqual([1, 2]);
    expect(parseJson("[1,2,3]", { maxValues: 3 }).problem).toBe("holds more than 3 values");
    expect(parseJson('["]', { maxValues: 3 }).problem).toBe("is not JSON");
    const quotes = `"${'\\"'.repeat(2_000_000)}`;
    expect(parseJson(quotes).problem).toBe("is not JSON");
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
