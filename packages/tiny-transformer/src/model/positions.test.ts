import { expect, it } from "vitest";
import { planePlaces } from "./positions.js";

it("places codes by row and column, and all else on the diagonal", () => {
  const { rows, columns } = planePlaces(11, { height: 2, width: 3, start: 2 });
  expect(rows.map((row, i) => [row, columns[i]])).toEqual([
    [0, 0],
    [1, 1],
    ...[2, 3].flatMap((row) => [2, 3, 4].map((column) => [row, column])),
    // 2 + max(2, 3), and so on.
    [5, 5],
    [6, 6],
    [7, 7],
  ]);
});

it.each([
  { height: 1, width: 5, start: 0 },
  { height: 4, width: 2, start: 3 },
  { height: 3, width: 3, start: 7 },
])("gives every position a place of its own: %o", (grid) => {
  const { rows, columns } = planePlaces(24, grid);
  expect(new Set(rows.map((row, i) => `${row} ${columns[i]}`)).size).toBe(24);
});

it("leaves out the codes beyond the context", () => {
  expect(planePlaces(4, { height: 2, width: 2, start: 1 }).columns).toEqual([0, 1, 2, 1]);
});
