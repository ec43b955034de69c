import { gumbelNoiseOf } from "@mmgen/core";
import type { Candidates } from "./candidates.js";

/**
 * Draws an id from the softmax of the values, as the argmax of value + `gumbelNoise(seed, position)` in float32.
 *
 * @param candidates - At least one; all values finite.
 * @param noise - Working memory, as long as the vocabulary.
 */
export function drawCandidate(candidates: Candidates, seed: number, position: number, noise: Float32Array): number {
  const { ids, values, count } = candidates;
  if (count === 1) {
    return ids[0]!;
  }
  gumbelNoiseOf(seed, position, ids.subarray(0, count), noise);
  let best = Number.NEGATIVE_INFINITY;
  let chosen = ids[0]!;
  for (let i = 0; i < count; i++) {
    const sum = Math.fround(values[i]! + noise[i]!);
    if (sum > best) {
      best = sum;
      chosen = ids[i]!;
    }
  }
  return chosen;
}
