import { type Candidates, keepFrom, largestValue } from "./candidates.js";

/**
 * Divides the values by a temperature above 0, in float32, and drops the impossible ids (−Infinity).
 *
 * What the quotient cannot express, its limit does: where every id is impossible, all are equally likely; where some
 * are +Infinity or would overflow, the largest are, and no other.
 */
export function applyTemperature(candidates: Candidates, temperature: number): void {
  const { values } = candidates;
  const largest = largestValue(candidates);
  if (!Number.isFinite(Math.fround(largest / temperature))) {
    keepFrom(candidates, largest);
    values.fill(0, 0, candidates.count);
    return;
  }
  for (let i = 0; i < candidates.count; i++) {
    values[i] = values[i]! / temperature;
  }
  keepFrom(candidates, -Number.MAX_VALUE);
}
