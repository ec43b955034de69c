import type { Inspection } from "../protocol/messages.js";

/** What the choice of one id looked at: shares of codes and words, the largest 1. */
export interface AttentionShares {
  readonly codes: Float32Array;
  readonly words: Float32Array;
}

/**
 * What the choice of the id at a position looked at.
 *
 * @param layer - Number of the layer; undefined: the mean of all.
 */
export function attentionShares(
  { attention, codePositions, wordPositions }: Inspection,
  position: number,
  layer?: number,
): AttentionShares {
  const { data, heads, layers, length } = attention;
  const shares = new Float32Array(length);
  for (let map = 0; map < layers * heads; map++) {
    if (layer === undefined || Math.floor(map / heads) === layer) {
      const row = (map * length + position) * length;
      for (let at = 0; at < length; at++) {
        shares[at]! += data[row + at]!;
      }
    }
  }
  const seen = [...codePositions, ...wordPositions].map((at) => shares[at]!);
  const most = Math.max(...seen, Number.MIN_VALUE);
  const scaled = (positions: readonly number[]) => Float32Array.from(positions, (at) => shares[at]! / most);
  return { codes: scaled(codePositions), words: scaled(wordPositions) };
}
