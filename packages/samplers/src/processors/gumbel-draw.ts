import { gumbelDraws, gumbelOfDraw } from "@mmgen/core";
import type { Candidates } from "./candidates.js";

/**
 * Draws an id from the softmax of the values, as the argmax of value + `gumbelNoise(seed, position)` in
 * float32.
 *
 * The number of leading one bits of an id's random draw gives an upper bound of its noise; the logarithms of the exact
 * noise are computed only for ids that can still win under this bound.
 *
 * @param candidates - At least one; all values finite.
 * @param draws - Working memory, as long as the vocabulary.
 */
export function drawCandidate(candidates: Candidates, seed: number, position: number, draws: Uint32Array): number {
  const { ids, values, count } = candidates;
  if (count === 1) {
    return ids[0]!;
  }
  gumbelDraws(seed, position, ids[count - 1]! + 1, draws);
  let best = Number.NEGATIVE_INFINITY;
  let chosen = ids[0]!;
  for (let i = 0; i < count; i++) {
    const id = ids[i]!;
    const value = values[i]!;
    const draw = draws[id]!;
    // Rounding to float32 is monotonic: an id whose bound does not win cannot have a sum that does.
    if (Math.fround(value + noiseBounds[Math.clz32(~draw)]!) > best) {
      const sum = Math.fround(value + Math.fround(gumbelOfDraw(draw)));
      if (sum > best) {
        best = sum;
        chosen = id;
      }
    }
  }
  return chosen;
}

/** Upper bound of the noise, with a margin for rounding, by the number of leading one bits of the draw. */
const noiseBounds = Float32Array.from({ length: 33 }, (_, ones) => (ones + 1) * Math.LN2 + 1e-4);
