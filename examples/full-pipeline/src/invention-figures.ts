import type { CodeBatch } from "@mmgen/core";

/** How varied invented pairs are. */
export interface InventionFigures {
  readonly count: number;
  /** Digits of the ten that captions name. */
  readonly digits: number;
  /** Words that captions use, of the words there are. */
  readonly words: number;
  /** Share of the images whose codes no image before had. */
  readonly distinct: number;
}

/**
 * Counts what invented pairs have in them.
 *
 * @param digits - What each caption names, −1 where it names none.
 */
export function inventionFigures(
  captions: readonly string[],
  digits: ArrayLike<number>,
  codes: CodeBatch,
): InventionFigures {
  const size = codes.height * codes.width;
  const sequences = new Set(
    Array.from({ length: codes.count }, (_, row) => codes.data.subarray(row * size, (row + 1) * size).join()),
  );
  return {
    count: captions.length,
    digits: new Set(Array.from(digits).filter((digit) => digit >= 0)).size,
    words: new Set(captions.flatMap((caption) => caption.split(" "))).size,
    distinct: sequences.size / codes.count,
  };
}
