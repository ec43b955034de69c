/**
 * Ids that a row may still draw, with their logits, in ascending order of the ids.
 *
 * Processors remove ids or change logits in place. The arrays have `vocabularySize` entries and are reused, so a step
 * allocates nothing.
 */
export interface Candidates {
  readonly ids: Int32Array;
  readonly values: Float32Array;
  /** Number of leading entries in use. */
  count: number;
}

/** Allocates empty candidates for a vocabulary. */
export function createCandidates(vocabularySize: number): Candidates {
  return { ids: new Int32Array(vocabularySize), values: new Float32Array(vocabularySize), count: 0 };
}

/**
 * Fills `candidates` with the ids that the grammar allows and their logits; NaN becomes −Infinity.
 *
 * @param logits - Logits of all rows; those of this row start at `offset`.
 * @param legal - Legal ids, ascending.
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

/** Maximum of the values; −Infinity when there are none. */
export function maxValue({ values, count }: Candidates): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    if (values[i]! > max) {
      max = values[i]!;
    }
  }
  return max;
}

/** Keeps the candidates whose value is at least `minValue`. */
export function keepAtLeast(candidates: Candidates, minValue: number): void {
  const { ids, values, count } = candidates;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    if (values[i]! >= minValue) {
      ids[kept] = ids[i]!;
      values[kept] = values[i]!;
      kept++;
    }
  }
  candidates.count = kept;
}

/**
 * Repetition penalty: lowers the logits of ids that are already in the row (penalty above 1), or raises them (below 1).
 *
 * @param seen - `[rows, vocabularySize]`, 1 for each id that is in the row; the entries of this row start at `offset`.
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
 * Divides the values by a temperature above 0, in float32, and removes ids of probability 0 (−Infinity).
 *
 * Where float32 cannot hold the quotient, its limit applies: when every value is −Infinity, all ids are equally likely;
 * when the maximum is +Infinity or would overflow, the ids that have it are equally likely and the others are removed.
 */
export function applyTemperature(candidates: Candidates, temperature: number): void {
  const { values } = candidates;
  const max = maxValue(candidates);
  if (!Number.isFinite(Math.fround(max / temperature))) {
    keepAtLeast(candidates, max);
    values.fill(0, 0, candidates.count);
    return;
  }
  for (let i = 0; i < candidates.count; i++) {
    values[i] = values[i]! / temperature;
  }
  keepAtLeast(candidates, -Number.MAX_VALUE);
}
