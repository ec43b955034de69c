import { ConfigError, ShapeError } from "@mmgen/core";

/**
 * How evenly codes are used, gathered over an epoch or a data set.
 *
 * @example
 * ```ts
 * const usage = new CodeUsage(4);
 * usage.add(Int32Array.of(0, 0, 1, 1));
 * usage.perplexity(); // 2: as if two codes were used equally
 * usage.share(); // 0.5: two of four
 * ```
 */
export class CodeUsage {
  readonly #counts: Float64Array;
  #total = 0;

  constructor(codebookSize: number) {
    if (!Number.isInteger(codebookSize) || codebookSize < 1) {
      throw new ConfigError(`codebookSize: expected a whole number of at least 1, got ${codebookSize}.`);
    }
    this.#counts = new Float64Array(codebookSize);
  }

  /**
   * Counts codes; all of them or, when one is out of range, none.
   *
   * @throws a {@link ShapeError} when a code is outside the codebook.
   */
  add(codes: ArrayLike<number>): void {
    for (let i = 0; i < codes.length; i++) {
      if (!(codes[i]! in this.#counts)) {
        throw new ShapeError(`codes: ${codes[i]} at index ${i} is outside [0, ${this.#counts.length}).`);
      }
    }
    for (let i = 0; i < codes.length; i++) {
      this.#counts[codes[i]!]!++;
    }
    this.#total += codes.length;
  }

  /** How often each code came, `[codebookSize]`; a copy. */
  get counts(): Float64Array {
    return this.#counts.slice();
  }

  /** exp(−Σ p ln p): the number of codes that, used equally, would be as varied. 0 before any code. */
  perplexity(): number {
    let entropy = 0;
    for (const count of this.#counts) {
      const share = count / this.#total;
      entropy -= count === 0 ? 0 : share * Math.log(share);
    }
    return this.#total === 0 ? 0 : Math.exp(entropy);
  }

  /** Share of the codebook that came at least once, in [0, 1]. */
  share(): number {
    return this.#counts.filter((count) => count > 0).length / this.#counts.length;
  }
}
