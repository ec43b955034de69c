import { expect, it } from "vitest";
import { nextCodes, repeatCodes } from "./data.js";

const context = { epoch: 0, training: false, random: undefined as never };

it("puts the start before codes, and each code as the target of those before it", async () => {
  const codes = { data: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 0), count: 2, height: 2, width: 2 };
  const batch = await nextCodes({ codebookSize: 8 }, codes).batch(Int32Array.of(1, 0), context);
  expect([...batch.inputs.data]).toEqual([8, 5, 6, 7, 8, 1, 2, 3]);
  expect([...batch.targets.data]).toEqual([5, 6, 7, 0, 1, 2, 3, 4]);
});

it("repeats codes row by row", () => {
  const codes = { data: Int32Array.of(1, 2, 3, 4), count: 2, height: 1, width: 2 };
  expect([...repeatCodes(codes, 2).data]).toEqual([1, 2, 1, 2, 3, 4, 3, 4]);
});
