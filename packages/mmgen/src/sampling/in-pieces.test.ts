import { expect, it } from "vitest";
import { inPieces } from "./in-pieces.js";

/** The pieces that work on so many rows is done in. */
async function piecesOf(count: number, options: Parameters<typeof inPieces>[1]): Promise<[number, number][]> {
  const pieces: [number, number][] = [];
  await inPieces(count, options, async (...piece) => void pieces.push(piece));
  return pieces;
}

it("bounds the rows at once, and those made of each", async () => {
  expect(await piecesOf(0, {})).toEqual([]);
  expect(await piecesOf(250, {})).toEqual([
    [0, 100],
    [100, 200],
    [200, 250],
  ]);
  expect(await piecesOf(30, { rowsEach: 8 })).toHaveLength(3);
  expect(await piecesOf(2, { rowsEach: 1000 })).toHaveLength(2);
});

it("hears between two pieces who stops the work, although none of them lets go of the thread", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  setTimeout(() => controller.abort());
  const pieces: number[] = [];
  const work = async (start: number) => {
    signal.throwIfAborted();
    pieces.push(start);
    const end = performance.now() + 5;
    while (performance.now() < end) {
      // As a backend that computes at once.
    }
  };
  await expect(inPieces(3200, { signal }, work)).rejects.toThrow("abort");
  expect(pieces.length).toBeLessThan(10);
});
