import { Random } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { type GridPlace, haltonOrder } from "./halton-order.js";

const all = () => true;
/** Begins at the first cell. */
const unmoved = { integer: () => 0 } as unknown as Random;
const grid: GridPlace = { height: 8, width: 8, start: 0 };

describe("haltonOrder", () => {
  it("passes the cells of a grid as the points (i in base 2, i in base 3, reversed) do", () => {
    // (1/2, 1/3), (1/4, 2/3), (3/4, 1/9), (1/8, 4/9), (5/8, 7/9) of 8 × 8 cells.
    expect(haltonOrder(64, grid)(all, unmoved).slice(0, 5)).toEqual([2 * 8 + 4, 5 * 8 + 2, 6, 3 * 8 + 1, 6 * 8 + 5]);
    expect(haltonOrder(8)(all, unmoved)).toEqual([4, 2, 6, 1, 5, 3, 7, 0]);
  });

  it.each<[string, number, GridPlace | undefined]>([
    ["a grid", 64, grid],
    ["a grid that no power divides", 35, { height: 7, width: 5, start: 0 }],
    ["words and a grid", 20, { height: 3, width: 5, start: 4 }],
    ["one line", 13, undefined],
    ["one position", 1, { height: 1, width: 1, start: 0 }],
  ])("orders all open positions of %s, and no others", (_, length, place) => {
    const order = haltonOrder(length, place);
    const positions = Array.from({ length }, (_, i) => i);
    for (const isOpen of [all, (position: number) => position % 3 === 0]) {
      const found = order(isOpen, Random.fromSeed(length));
      expect(found.toSorted((a, b) => a - b)).toEqual(positions.filter(isOpen));
    }
    expect(order(() => false, Random.fromSeed(1))).toEqual([]);
  });

  it("puts four in a row farther apart than chance does", () => {
    const order = haltonOrder(64, grid);
    const apart = (a: number, b: number) => {
      const around = (d: number) => Math.min(Math.abs(d), 8 - Math.abs(d));
      return Math.hypot(around(Math.floor(a / 8) - Math.floor(b / 8)), around((a % 8) - (b % 8)));
    };
    const nearest = (positions: readonly number[]) =>
      Math.min(...positions.flatMap((a, i) => positions.slice(i + 1).map((b) => apart(a, b))));
    const means = [order, (_: unknown, random: Random) => [...random.permutation(64)]].map((ordered) => {
      let sum = 0;
      for (let row = 0; row < 20; row++) {
        const found = ordered(all, Random.fromSeed(row));
        for (let i = 0; i < 64; i += 4) {
          sum += nearest(found.slice(i, i + 4)) / (20 * 16);
        }
      }
      return sum;
    });
    // The least distance of four, in cells.
    expect(means[0]!).toBeGreaterThan(1.2 * means[1]!);
  });

  it("begins a row at a place of its own, and goes on at the opposite edge", () => {
    const order = haltonOrder(64, grid);
    const rows = Array.from({ length: 40 }, (_, row) => order(all, Random.fromSeed(row)));
    expect(new Set(rows.map(([first]) => first)).size).toBeGreaterThan(20);
    const still = order(all, unmoved);
    for (const found of rows) {
      const moves = found.map((position, i) => {
        const [y, x] = [Math.floor(position / 8) - Math.floor(still[i]! / 8), position - still[i]!];
        return `${(y + 8) % 8} ${(x + 64) % 8}`;
      });
      expect(new Set(moves).size).toBe(1);
    }
  });

  it("lets words and codes progress at the same pace", () => {
    const found = haltonOrder(68, { ...grid, start: 4 })(all, Random.fromSeed(3));
    const words = found.flatMap((position, i) => (position < 4 ? [i] : []));
    expect(words.map((i) => Math.floor(i / 17))).toEqual([0, 1, 2, 3]);
  });
});
