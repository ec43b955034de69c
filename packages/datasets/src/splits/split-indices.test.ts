import { Random } from "@mmgen/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchIndices } from "./batch-indices.js";
import { splitIndices } from "./split-indices.js";

describe("splitIndices", () => {
  it("gives disjoint subsets of the sizes asked for", () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), fc.nat(60), fc.nat(20), fc.integer(), (a, b, c, spare, seed) => {
        const total = a + b + c + spare;
        const sizes = { train: a, validation: b, test: c };
        const { train, validation, test } = splitIndices(total, sizes, Random.fromSeed(seed));
        expect([train.length, validation.length, test.length]).toEqual([a, b, c]);
        const all = [...train, ...validation, ...test];
        expect(new Set(all).size).toBe(a + b + c);
        expect(all.every((index) => index >= 0 && index < total)).toBe(true);
      }),
    );
  });

  it("keeps the other sets, and a smaller first set within a greater, as the first grows", () => {
    const few = splitIndices(100, { train: 10, validation: 20 }, Random.fromSeed(1));
    const many = splitIndices(100, { train: 80, validation: 20 }, Random.fromSeed(1));
    expect(many.validation).toEqual(few.validation);
    expect(many.train.slice(0, 10)).toEqual(few.train);
  });

  it("takes names that objects have for any other", () => {
    const sizes = JSON.parse('{"__proto__": 3, "constructor": 4, "toString": 2}');
    const splits = splitIndices(10, sizes, Random.fromSeed(1));
    expect(Object.entries(splits).map(([name, { length }]) => [name, length])).toEqual([
      ["__proto__", 3],
      ["constructor", 4],
      ["toString", 2],
    ]);
    expect(new Set(Object.values(splits).flatMap((split) => [...(split as Int32Array)])).size).toBe(9);
  });

  it("refuses more than there is", () => {
    expect(() => splitIndices(10, { train: 8, validation: 3 }, Random.fromSeed(1))).toThrow(
      "expected at most 10 examples in all, got train 8 + validation 3 = 11",
    );
    expect(() => splitIndices(10, { train: -1 }, Random.fromSeed(1))).toThrow('split "train"');
  });
});

describe("batchIndices", () => {
  it("visits every index once, in batches of the size asked for", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 1, max: 50 }), fc.boolean(), (count, batchSize, shuffled) => {
        const batches = [...batchIndices(count, { batchSize, ...(shuffled && { random: Random.fromSeed(count) }) })];
        expect(batches.slice(0, -1).every((batch) => batch.length === batchSize)).toBe(true);
        const all = batches.flatMap((batch) => [...batch]);
        expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
      }),
    );
  });

  it("leaves out a smaller last batch on request, and shuffles by the seed", () => {
    const options = () => ({ batchSize: 4, dropRemainder: true, random: Random.fromSeed(3) });
    const batches = [...batchIndices(11, options())];
    expect(batches.map((batch) => batch.length)).toEqual([4, 4]);
    expect(batches).toEqual([...batchIndices(11, options())]);
    expect(() => [...batchIndices(3, { batchSize: 0 })]).toThrow("batchSize: expected a whole number of at least 1");
    expect(() => [...batchIndices(3, { batchSize: 1, dropRemainer: true } as never)]).toThrow(
      'dropRemainer: there is no such field; did you mean "dropRemainder"?',
    );
  });
});
