import { expect, it } from "vitest";
import { inventionMetrics } from "./measure.js";

it("counts digits, words and different code sequences", () => {
  const codes = { data: Int32Array.of(1, 2, 1, 2, 1, 3, 2, 1), count: 4, height: 1, width: 2 };
  const captions = ["red one on blue", "red two on red", "red one on blue", "on on on"];
  expect(inventionMetrics({ captions, codes }, [1, 2, 1, -1])).toEqual({
    count: 4,
    digits: 2,
    words: 5,
    distinct: 0.75,
  });
});
