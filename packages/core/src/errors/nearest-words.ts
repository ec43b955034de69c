import { distance } from "fastest-levenshtein";

/**
 * The words of `known` that `word` is most likely a misspelling of, nearest first; none where nothing is near.
 *
 * Near is an edit distance of at most 2, or of half the word's length where that is more.
 */
export function nearestWords(word: string, known: readonly string[], limit = 3): string[] {
  const reach = Math.max(2, Math.floor(word.length / 2));
  return known
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ distance }) => distance <= reach)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

/**
 * How many insertions, deletions and substitutions turn `a` into `b`, where one swap of neighbors (`eigth`, `eight`)
 * counts once too.
 */
export function editDistance(a: string, b: string): number {
  let best = distance(a, b);
  for (let i = 0; i + 1 < a.length && best > 1; i++) {
    const swapped = a[i + 1]! + a[i]!;
    for (let j = b.indexOf(swapped); j >= 0; j = b.indexOf(swapped, j + 1)) {
      best = Math.min(best, 1 + distance(a.slice(0, i), b.slice(0, j)) + distance(a.slice(i + 2), b.slice(j + 2)));
    }
  }
  return best;
}
