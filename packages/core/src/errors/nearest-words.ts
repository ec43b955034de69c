import { distance } from "fastest-levenshtein";

/** Longer words, and words beyond so many, are not compared: they come from files, and each comparison takes time. */
const maxWordLength = 100;
const maxKnown = 1000;
/** So many of the nearest are compared once more, with swaps. */
const maxRefined = 32;

/**
 * The words of `known` that `word` is most likely a misspelling of, nearest first; none where nothing is near.
 *
 * Near is an edit distance of at most 2, or of half the word's length where that is more. Takes milliseconds at most,
 * whoever made the words: it compares the first 1000, by their first 100 characters. Capitals count as small letters.
 */
export function nearestWords(word: string, known: readonly string[], limit = 3): string[] {
  const folded = (text: string) => text.slice(0, maxWordLength).toLowerCase();
  const start = folded(word);
  const reach = Math.max(2, Math.floor(start.length / 2));
  return known
    .slice(0, maxKnown)
    .map((candidate) => ({ candidate, distance: distance(start, folded(candidate)) }))
    .filter(({ distance }) => distance <= reach + 1)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, Math.max(maxRefined, limit))
    .map(({ candidate }) => ({ candidate, distance: editDistance(start, folded(candidate)) }))
    .filter(({ distance }) => distance <= reach)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

/**
 * How many insertions, deletions, substitutions and swaps of neighbors (`eigth`, `eight`) turn `a` into `b`, where nothing
 * is changed that was swapped: the optimal string alignment distance.
 */
export function editDistance(a: string, b: string): number {
  // Distances of the first i − 2, i − 1 and i characters of `a` from each beginning of `b`.
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j]!, before[j - 2]! + 1);
      }
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
