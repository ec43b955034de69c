import { gumbelDraws, gumbelOfDraw } from "@mmgen/core";
import type { Candidates } from "./candidates.js";

/**
 * The id of the largest value + `gumbelNoise``(seed, position)`, in float32: a draw from the values' softmax.
 *
 * A draw's noise is at most −log(1 − draw), which the draw's leading ones bound from above: logarithms are taken only
 * where that bound could still win.
 *
 * @param candidates - At least one, all finite.
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
    // Rounding to float32 keeps order, so a bound that does not win cannot hide a sum that does.
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

/** By number of leading ones of a draw: an upper bound of its noise, with room for rounding. */
const noiseBounds = Float32Array.from({ length: 33 }, (_, ones) => (ones + 1) * Math.LN2 + 1e-4);
