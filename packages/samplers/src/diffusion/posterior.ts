/** Shares of one row of a table of transitions; see `transitionColumns` of `@mmgen/core`. */
export interface Shares {
  readonly stay: number;
  readonly replace: number;
  readonly mask: number;
}

/** A corruption between two times: the step from s to t, all steps up to s, all up to t. */
export interface Transition {
  readonly step: Shares;
  readonly before: Shares;
  readonly after: Shares;
}

/** Reads a row of a table of transitions. */
export function readTransition(table: Float32Array, row: number): Transition {
  const shares = (i: number) => ({
    stay: table[9 * row + i]!,
    replace: table[9 * row + i + 1]!,
    mask: table[9 * row + i + 2]!,
  });
  return { step: shares(0), before: shares(3), after: shares(6) };
}

/**
 * Probabilities of an id at time s, given that at t and those of the original id, by Bayes' rule:
 * Σ q(id at s | id at t, original) · p(original).
 *
 * The quotient by q(id at t | original) is part of each term: implementations that leave it out and normalize at the end
 * compute another distribution.
 *
 * @param current - Index of the id at t among the legal ids; −1: masked.
 * @param original - Probabilities of the legal ids, `[codes]`, summing to 1; borrowed.
 * @param out - `[codes]`; filled with the probabilities of the legal ids at s.
 * @returns the probability that the id is masked at s.
 * @see Austin et al. 2021, eq. 3, https://arxiv.org/abs/2107.03006
 */
export function posterior(
  { step, before, after }: Transition,
  current: number,
  original: Float64Array,
  out: Float64Array,
): number {
  const codes = original.length;
  if (current < 0) {
    // Masked at t: the original id is as likely as before, whatever it is.
    for (let id = 0; id < codes; id++) {
      out[id] = (step.mask * (before.stay * original[id]! + before.replace / codes)) / after.mask;
    }
    return before.mask / after.mask;
  }
  const other = after.replace / codes;
  let total = 0;
  for (let id = 0; id < codes; id++) {
    out[id] = original[id]! === 0 ? 0 : original[id]! / (id === current ? after.stay + other : other);
    total += out[id]!;
  }
  for (let id = 0; id < codes; id++) {
    const forward = step.replace / codes + (id === current ? step.stay : 0);
    out[id] = forward * (before.stay * out[id]! + (before.replace / codes) * total);
  }
  return 0;
}
