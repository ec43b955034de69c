import { ConfigError, type ImageBatch, ShapeError } from "@mmgen/core";
import { expect, it } from "vitest";
import { batchOf } from "./numbers.fixture.js";
import { type TwoKinds, twoSampleTest } from "./two-sample-test.js";

/** Images of one pixel. */
const pixels = (levels: readonly number[]): ImageBatch => batchOf(Uint8Array.from(levels), [levels.length, 1, 1, 1]);
const first = pixels([1, 2, 3, 4, 5, 6, 7]);
const second = pixels([11, 12, 13, 14, 15, 16, 17]);
/** Takes what is brighter than `above` for the second kind. */
const brighterThan =
  (above: number) =>
  async ({ heldOut }: TwoKinds) =>
    Array.from(heldOut.data, (level) => (level > above ? 1 : 0));

it("hands over the first of both kinds to learn from and the others to ask about, pairs on one side", async () => {
  const seen: TwoKinds[] = [];
  const classify = async (kinds: TwoKinds) => {
    seen.push(kinds);
    return brighterThan(10)(kinds);
  };
  await twoSampleTest({ first, second, trainCount: 2, classify });
  await twoSampleTest({ first, second, classify });
  expect(seen.map(({ images }) => [...images.data])).toEqual([
    [1, 2, 11, 12],
    [1, 2, 3, 11, 12, 13],
  ]);
  expect([...seen[0]!.labels]).toEqual([0, 0, 1, 1]);
  expect([...seen[1]!.heldOut.data]).toEqual([4, 5, 6, 7, 14, 15, 16, 17]);
});

it("counts right answers, and what guessing would reach", async () => {
  const all = await twoSampleTest({ first, second, trainCount: 2, classify: brighterThan(10) });
  expect(all).toEqual({ accuracy: 1, count: 10, pValue: 2 ** -10 });
  // 5, 6 and 7 are taken for the second kind: 7 of 10 are right, and (120 + 45 + 10 + 1) / 1024 of all guesses as good.
  const some = await twoSampleTest({ first, second, trainCount: 2, classify: brighterThan(4) });
  expect(some.accuracy).toBe(0.7);
  expect(some.pValue).toBeCloseTo(176 / 1024, 12);
  const none = await twoSampleTest({ first, second, trainCount: 2, classify: brighterThan(255) });
  // At least 5 of 10: one half, and half of "10 over 5" / 1024.
  expect([none.accuracy, none.pValue]).toEqual([0.5, expect.closeTo(0.5 + 126 / 1024, 12)]);
});

it("has a probability of many images", async () => {
  const hundred = pixels(Array(101).fill(1));
  const sixty = async ({ heldOut }: TwoKinds) => Array.from(heldOut.data, (_, i) => (i < 20 || i >= 160 ? 1 : 0));
  // 80 of the first kind and 40 of the second are right; the sum of 200 over k, k = 120 … 200, over 2^200.
  const middling = await twoSampleTest({ first: hundred, second: hundred, trainCount: 1, classify: sixty });
  expect([middling.accuracy, middling.pValue]).toEqual([0.6, expect.closeTo(0.0028425779983751527, 14)]);
  const many = pixels(Array(1001).fill(1));
  const classify = async ({ heldOut }: TwoKinds) => Array.from(heldOut.data, (_, i) => (i < 1080 ? 0 : 1));
  // 1 000 of the first kind and 920 of the second are right; 0 by any double, and never NaN.
  const { accuracy, pValue } = await twoSampleTest({ first: many, second: many, trainCount: 1, classify });
  expect(accuracy).toBe(0.96);
  expect(pValue).toBeGreaterThanOrEqual(0);
  expect(pValue).toBeLessThan(1e-300);
});

it("refuses sets that differ, no image to ask about, and answers that are none", async () => {
  const test = (change: object) => twoSampleTest({ first, second, classify: brighterThan(10), ...change });
  for (const change of [
    { second: pixels([1, 2]) },
    { second: batchOf(new Uint8Array(14), [7, 1, 2, 1]) },
    { trainCount: 7 },
    { first: pixels([1]), second: pixels([2]) },
    { classify: async () => [0, 1] },
    { classify: async () => Array(8).fill(2) },
  ]) {
    await expect(test(change)).rejects.toSatisfy(ShapeError.isInstance.bind(ShapeError));
  }
  await expect(test({ trainCount: 0 })).rejects.toSatisfy(ConfigError.isInstance.bind(ConfigError));
  await expect(test({ train: 1 })).rejects.toThrow(/train: there is no such field/);
});
