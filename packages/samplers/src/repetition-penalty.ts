import type { Candidates } from "./candidates.js";

/**
 * Makes ids that the row has seen less likely (penalty above 1) or more likely (below 1).
 *
 * @param seen - `[rows, vocabularySize]`, 1 where a row has seen an id; this row's start at `offset`.
 * @see Keskar et al. 2019, section 4.1, https://arxiv.org/abs/1909.05858
 */
export function applyRepetitionPenalty(
  candidates: Candidates,
  penalty: number,
  seen: Uint8Array,
  offset: number,
): void {
  const { ids, values, count } = candidates;
  for (let i = 0; i < count; i++) {
    if (seen[offset + ids[i]!] === 1) {
      const value = values[i]!;
      values[i] = value < 0 ? value * penalty : value / penalty;
    }
  }
}
