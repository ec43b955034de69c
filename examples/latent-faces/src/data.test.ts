import { Random } from "@mmgen/core";
import { expect, it } from "vitest";
import { corruptedCodes, nextCodes } from "./data.js";

const context = { epoch: 0, training: false, random: Random.fromSeed(1) };
const codes = { data: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 0), count: 2, height: 2, width: 2 };

it("puts the kind before codes, and each code as the target of what is before it", async () => {
  const kinds = Int32Array.of(0, 3);
  const batch = await nextCodes({ codebookSize: 8 }, { codes, kinds }).batch(Int32Array.of(1, 0), context);
  expect([...batch.inputs.data]).toEqual([13, 5, 6, 7, 10, 1, 2, 3]);
  expect([...batch.targets.data]).toEqual([5, 6, 7, 0, 1, 2, 3, 4]);
  const ofAny = await nextCodes({ codebookSize: 8 }, { codes }).batch(Int32Array.of(0), context);
  expect([...ofAny.inputs.data]).toEqual([9, 1, 2, 3]);
});

it("leaves out the kind now and then in training, and corrupts codes alone", async () => {
  const count = 600;
  const many = { data: new Int32Array(4 * count).fill(7), count, height: 2, width: 2 };
  const tokenizer = { codebookSize: 8, codeGrid: { height: 2, width: 2 } };
  const learned = { codes: many, kinds: new Int32Array(count).fill(2) };
  const source = corruptedCodes(tokenizer, learned, { type: "absorbing" });
  const all = Int32Array.from({ length: count }, (_, i) => i);
  const { inputs, weights } = await source.batch(all, { ...context, training: true });
  const first = inputs.data.filter((_, i) => i % 5 === 0);
  expect(new Set(first)).toEqual(new Set([9, 12]));
  // Of 600 rows a tenth, 60, within four standard deviations of 7.3.
  const left = first.filter((id) => id === 9).length;
  expect(left).toBeGreaterThan(30);
  expect(left).toBeLessThan(90);
  expect(weights!.filter((_, i) => i % 5 === 0).every((weight) => weight === 0)).toBe(true);
  expect(new Set(inputs.data.filter((_, i) => i % 5 > 0))).toEqual(new Set([7, 8]));
});
