/**
 * The ids still in play for one row, with their logits. Every processor narrows or changes it in place; ids stay in
 * ascending order. The arrays are as long as the vocabulary and reused: nothing is allocated a step.
 */
export interface Candidates {
  readonly ids: Int32Array;
  readonly values: Float32Array;
  /** How many of the entries count. */
  count: number;
}

/** Empty candidates for a vocabulary. */
export function createCandidates(vocabularySize: number): Candidates {
  return { ids: new Int32Array(vocabularySize), values: new Float32Array(vocabularySize), count: 0 };
}

/**
 * Takes up the legal ids with their logits: the grammar's mask.
 *
 * NaN says nothing about an id and counts as −Infinity.
 *
 * @param logits - Of all rows; this row's start at `offset`.
 * @param legal - The legal ids, ascending.
 */
export function takeLegal(candidates: Candidates, logits: Float32Array, offset: number, legal: Int32Array): void {
  const { ids, values } = candidates;
  const count = legal.length;
  for (let i = 0; i < count; i++) {
    const id = legal[i]!;
    const logit = logits[offset + id]!;
    ids[i] = id;
    values[i] = Number.isNaN(logit) ? Number.NEGATIVE_INFINITY : logit;
  }
  candidates.count = count;
}

/** The largest value. */
export function largestValue({ values, count }: Candidates): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    if (values[i]! > largest) {
      largest = values[i]!;
    }
  }
  return largest;
}

/** Keeps the values that are at least `least`. */
export function keepFrom(candidates: Candidates, least: number): void {
  const { ids, values, count } = candidates;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    if (values[i]! >= least) {
      ids[kept] = ids[i]!;
      values[kept] = values[i]!;
      kept++;
    }
  }
  candidates.count = kept;
}
