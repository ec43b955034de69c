import type { Random } from "@mmgen/core";

/** Where the codes of an image stand in a sequence: row by row, from position `start` on. */
export interface GridPlace {
  readonly height: number;
  readonly width: number;
  readonly start: number;
}

/** A grid, or a line, whose positions have an order of their own. */
interface Part {
  readonly height: number;
  readonly width: number;
  /** `[height · width]`, row by row. */
  readonly positions: readonly number[];
  /** The same cells as a Halton sequence passes them. */
  readonly cells: readonly number[];
}

/**
 * Orders positions so that the next ones lie farther from each other than by chance: those of the grid by a Halton sequence
 * in the bases 2 and 3, the others, as a line, by one in base 2; both progress at the same pace.
 *
 * @returns The open positions of a row in its order: the sequence begins at a place of the row's own, and goes on beyond an
 *   edge at the opposite one.
 * @see Besnier et al. 2025, https://arxiv.org/abs/2503.17076
 */
export function haltonOrder(
  length: number,
  grid?: GridPlace,
): (isOpen: (position: number) => boolean, random: Random) => number[] {
  const parts = partsOf(length, grid);
  return (isOpen, random) =>
    parts
      .flatMap((part) => {
        const open = shifted(part, random).filter(isOpen);
        return open.map((position, i) => ({ position, share: (i + 0.5) / open.length }));
      })
      .sort((a, b) => a.share - b.share || a.position - b.position)
      .map(({ position }) => position);
}

function partsOf(length: number, grid?: GridPlace): Part[] {
  const { height, start, width } = grid ?? { height: 0, start: 0, width: 0 };
  const all = Array.from({ length }, (_, position) => position);
  const isInGrid = (position: number) => position >= start && position < start + height * width;
  const line = all.filter((position) => !isInGrid(position));
  return [
    { height, width, positions: all.filter(isInGrid), cells: haltonCells(height, width) },
    { height: 1, width: line.length, positions: line, cells: haltonCells(1, line.length) },
  ].filter(({ positions }) => positions.length > 0);
}

/** The positions of a part in an order that begins anywhere. */
function shifted({ cells, height, positions, width }: Part, random: Random): number[] {
  const [down, right] = [random.integer(height), random.integer(width)];
  return cells.map((cell) => {
    const [y, x] = [Math.floor(cell / width) + down, (cell % width) + right];
    return positions[(y % height) * width + (x % width)]!;
  });
}

/** Cells of a grid in the order in which a Halton sequence first meets them. */
function haltonCells(height: number, width: number): number[] {
  const cells = new Set<number>();
  // It meets all: of any 2^a · 3^b points in a row one lies in each box of so many halves and thirds.
  for (let i = 1; cells.size < height * width; i++) {
    cells.add(Math.floor(radicalInverse(i, 3) * height) * width + Math.floor(radicalInverse(i, 2) * width));
  }
  return [...cells];
}

/** The digits of an index behind the point, in reverse. */
function radicalInverse(index: number, base: number): number {
  let [value, weight] = [0, 1 / base];
  for (let rest = index; rest > 0; rest = Math.floor(rest / base)) {
    value += (rest % base) * weight;
    weight /= base;
  }
  return value;
}
