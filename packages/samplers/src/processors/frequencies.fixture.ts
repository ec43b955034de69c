import { expect } from "vitest";

/** How often each id of a vocabulary is among `ids`. */
export function countIds(ids: Iterable<number>, vocabularySize: number): number[] {
  const counts = new Array<number>(vocabularySize).fill(0);
  for (const id of ids) {
    counts[id]! += 1;
  }
  return counts;
}

/**
 * Expects counts that Pearson's chi-square finds no fault with, at one false alarm in 10 000 seeds, and none at all of what
 * has no probability.
 *
 * @param leastFreedom - How many ids, less one, must be possible for the test to say something.
 */
export function expectFrequencies(counts: readonly number[], probabilities: ArrayLike<number>, leastFreedom = 1): void {
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
  expect(freedom).toBeGreaterThanOrEqual(leastFreedom);
  expect(statistic).toBeLessThan(bound(freedom));
}

/** The value that chi-square exceeds once in 10 000 draws (Wilson and Hilferty; z = 3.719). */
const bound = (freedom: number) => freedom * (1 - 2 / (9 * freedom) + 3.719 * Math.sqrt(2 / (9 * freedom))) ** 3;
