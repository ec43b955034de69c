import fc from "fast-check";
import { expect, it } from "vitest";
import { weightedCut } from "./weighted-cut.js";

it("finds the same key as sorting, in any order and with repeated keys", () => {
  const entries = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: 0, max: 5 })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(entries, fc.integer({ min: 1, max: 200 }), (list, target) => {
      const sorted = [...list].sort((a, b) => b[0] - a[0]);
      let weight = 0;
      const reaching = sorted.find((entry) => {
        weight += entry[1];
        return weight >= target;
      });
      const keys = Float64Array.from(list, ([key]) => key);
      const weights = Float64Array.from(list, ([, value]) => value);
      expect(weightedCut(keys, weights, list.length, target)).toBe(reaching?.[0] ?? Number.NEGATIVE_INFINITY);
    }),
    { numRuns: 3000 },
  );
});

it("ignores entries beyond count", () => {
  expect(weightedCut(Float64Array.of(1, 2, 99), Float64Array.of(1, 1, 1), 2, 1)).toBe(2);
});
