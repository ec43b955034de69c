import { expect, it } from "vitest";
import type { Inspection } from "../protocol/messages.js";
import { attentionShares } from "./attention-shares.js";

it("is the mean of a layer's heads, or of all, as a share of the most", () => {
  // Two layers of one head, over a marker, two codes and a word; the last row is the word's.
  const rest = new Array<number>(12).fill(0);
  const data = Float32Array.of(...rest, 0.5, 0.25, 0.25, 0, ...rest, 0.5, 0, 0.5, 0);
  const inspection = {
    ...{ attention: { data, layers: 2, heads: 1, length: 4 }, codePositions: [1, 2], wordPositions: [3] },
  } as unknown as Inspection;
  expect([...attentionShares(inspection, 3, 0).codes]).toEqual([1, 1]);
  expect([...attentionShares(inspection, 3, 1).codes]).toEqual([0, 1]);
  const all = attentionShares(inspection, 3);
  expect([...all.codes]).toEqual([expect.closeTo(1 / 3, 6), 1]);
  expect([...all.words]).toEqual([0]);
  // What looked at nothing that is shown.
  expect([...attentionShares(inspection, 0).codes]).toEqual([0, 0]);
});
