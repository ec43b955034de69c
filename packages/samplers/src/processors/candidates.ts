/**
 * The ids that one row may still draw, with their logits. Every processor removes or changes some in place; ids stay in
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
 * Starts from the legal ids and their logits: the grammar's mask.
 *
 * NaN counts as −Infinity.
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
