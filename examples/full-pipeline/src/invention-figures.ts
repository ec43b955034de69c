import type { CodeBatch } from "@mmgen/core";
import { parseCaption } from "@mmgen/datasets";

/** How varied invented pairs are. */
export interface InventionFigures {
  readonly count: number;
  /** Digits of the ten that captions name. */
  readonly digits: number;
  /** Words that captions use, of the words there are. */
  readonly words: number;
  /** Share of the pictures whose codes no picture before had. */
  readonly distinct: number;
}

/** Counts what invented pairs have in them. */
export function inventionFigures(captions: readonly string[], codes: CodeBatch): InventionFigures {
  const size = codes.height * codes.width;
  const sequences = new Set(
    Array.from({ length: codes.count }, (_, row) => codes.data.subarray(row * size, (row + 1) * size).join()),
  );
  const digits = captions.flatMap((caption) => {
    try {
      return [parseCaption(caption).digit];
    } catch {
      // Words that are no caption of this data name no digit.
      return [];
    }
  });
  return {
    count: captions.length,
    digits: new Set(digits).size,
    words: new Set(captions.flatMap((caption) => caption.split(" "))).size,
    distinct: sequences.size / codes.count,
  };
}
