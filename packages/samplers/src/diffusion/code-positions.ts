import { ConfigError, checkTokenBatch, DataError, type LegalRanges, ShapeError, type TokenBatch } from "@mmgen/core";
import { optional, value } from "@mmgen/core/options";

const isInt32 = (candidate: unknown) => Object.prototype.toString.call(candidate) === "[object Int32Array]";

/** Schema entry of {@link LegalRanges}; what else the object has, such as modalities, is not read. */
export const legalEntry = optional(
  value<LegalRanges>("ranges of ids by position, { from: Int32Array, to: Int32Array }", (ranges) => {
    const { from, to } = Object(ranges) as Partial<LegalRanges>;
    return isInt32(from) && isInt32(to);
  }),
);

/** Positions of a batch that may change, and what may stand there. */
export interface CodePositions {
  /** `[rows, length]`, 1 where an id may change. */
  readonly open: Uint8Array;
  /** `[length]` each. */
  readonly legal: LegalRanges;
}

/**
 * Spreads flags by position over the rows of a batch.
 *
 * @param flags - `[rows, length]`, or `[length]` for all rows; absent: `absent` everywhere.
 * @returns `[rows, length]`, 0 or 1; the caller's.
 * @throws a {@link ShapeError} for another length.
 */
export function spreadFlags(name: string, flags: Uint8Array | undefined, ids: TokenBatch, absent: 0 | 1): Uint8Array {
  const { count, length } = ids;
  if (flags === undefined) {
    return new Uint8Array(count * length).fill(absent);
  }
  if (flags.length !== length && flags.length !== count * length) {
    throw new ShapeError(
      `${name}: expected a flag for each of ${length} positions, or for each of ${count} × ${length} ids, got ${flags.length}.`,
    );
  }
  return Uint8Array.from({ length: count * length }, (_, i) => (flags[i % flags.length] === 0 ? 0 : 1));
}

/**
 * Checks the ranges of legal ids at positions that may change.
 *
 * @param open - `[rows, length]`, 1 where an id may change.
 * @throws a {@link ShapeError} for ranges of another length, {@link ConfigError} for one that is empty, outside the
 *   vocabulary, or holds the mask.
 */
export function checkRanges(
  { from, to }: LegalRanges,
  { open, length, maskId, vocabularySize }: RangeLimits & { readonly open: Uint8Array; readonly length: number },
): void {
  if (from.length !== length || to.length !== length) {
    throw new ShapeError(
      `legal: expected ranges of ${length} positions, got ${from.length} (from) and ${to.length} (to).`,
    );
  }
  for (let i = 0; i < open.length; i++) {
    const position = i % length;
    if (open[i] === 0) {
      continue;
    }
    const [first, end] = [from[position]!, to[position]!];
    const range = `[${first}, ${end})`;
    if (!(first >= 0 && end > first && end <= vocabularySize)) {
      throw new ConfigError(
        `legal: expected at position ${position} a range of at least one id within the vocabulary [0, ${vocabularySize}), got ${range}.`,
      );
    }
    if (maskId !== undefined && maskId >= first && maskId < end) {
      throw new ConfigError(
        `legal: the range ${range} of position ${position} holds maskId ${maskId}, which must not be drawn.`,
      );
    }
  }
}

/** What bounds ranges of ids. */
export interface RangeLimits {
  readonly maskId: number | undefined;
  readonly vocabularySize: number;
}

/** All ids of the vocabulary but the mask, at every position. Throws {@link ConfigError} where these are no range. */
export function wholeVocabulary(length: number, { maskId, vocabularySize }: RangeLimits): LegalRanges {
  const isInside = maskId !== undefined && maskId > 0 && maskId < vocabularySize - 1;
  if (isInside) {
    throw new ConfigError(`legal: required, because maskId ${maskId} lies between other ids; give the ranges.`);
  }
  const from = new Int32Array(length).fill(maskId === 0 ? 1 : 0);
  return { from, to: new Int32Array(length).fill(maskId === vocabularySize - 1 ? maskId : vocabularySize) };
}

/**
 * Checks original ids.
 *
 * @throws a {@link ShapeError} for a wrong shape, {@link DataError} for an id that is not legal where it may change.
 */
export function checkOriginal(ids: TokenBatch, { open, legal }: CodePositions): void {
  checkTokenBatch(ids);
  for (let i = 0; i < open.length; i++) {
    const position = i % ids.length;
    const id = ids.data[i]!;
    if (open[i] === 1 && !(id >= legal.from[position]! && id < legal.to[position]!)) {
      throw new DataError(
        `ids: row ${Math.floor(i / ids.length)}, position ${position}: expected an id within [${legal.from[position]}, ${legal.to[position]}), got ${id}.`,
      );
    }
  }
}
