import { expect } from "vitest";

/** Counts how often each id of a vocabulary occurs in `ids`. */
export function countIds(ids: Iterable<number>, vocabularySize: number): number[] {
  const counts = new Array<number>(vocabularySize).fill(0);
  for (const id of ids) {
    counts[id]! += 1;
  }
  return counts;
}

/**
 * Expects that counts match the probabilities by Pearson's chi-square test, with a false positive rate of 1 in 10 000
 * seeds, and that ids of probability 0 never occur.
 *
 * @param minFreedom - Minimum degrees of freedom: the number of possible ids, less one, that the case must have.
 */
export function expectFrequencies(counts: readonly number[], probabilities: ArrayLike<number>, minFreedom = 1): void {
  const draws = counts.reduce((sum, count) => sum + count);
  let [statistic, freedom] = [0, -1];
  counts.forEach((count, id) => {
    const expected = draws * probabilities[id]!;
    if (expected === 0) {
      expect(count).toBe(0);
    } else {
      statistic += (count - expected) ** 2 / expected;
      freedom++;
    }
  });
  expect(freedom).toBeGreaterThanOrEqual(minFreedom);
  expect(statistic).toBeLessThan(bound(freedom));
}

/** The value that chi-square exceeds once in 10 000 draws (Wilson and Hilferty; z = 3.719). */
const bound = (freedom: number) => freedom * (1 - 2 / (9 * freedom) + 3.719 * Math.sqrt(2 / (9 * freedom))) ** 3;
