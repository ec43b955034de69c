import { type CodeLayout, checkCodeLayout, ShapeError } from "@mmgen/core";

const noPalette = { paletteCodes: 0, paletteSize: 0, palettePlace: "before" } as const;

/**
 * Usage of a codebook's codes, counted over an epoch or a data set, separately for each codebook.
 *
 * @example
 * ```ts
 * const usage = new CodeUsage(4); // of a model's codes: new CodeUsage(model.codeLayout)
 * usage.add(Int32Array.of(0, 0, 1, 1));
 * usage.perplexity(); // 2: as if two codes were used equally
 * usage.share(); // 0.5: two of four
 * ```
 */
export class CodeUsage {
  readonly #layout: CodeLayout;
  /** `[codebooks, codebookSize]`, row-major. */
  readonly #counts: Float64Array;

  /**
   * @param layout - Arrangement of an image's codes; a number is the size of one codebook for all of them.
   * @throws a `ConfigError` when a size is not a whole number of at least 1.
   */
  constructor(layout: number | CodeLayout) {
    this.#layout =
      typeof layout === "number" ? { ...noPalette, codesPerImage: 1, codebooks: 1, codebookSize: layout } : layout;
    checkCodeLayout(this.#layout);
    this.#counts = new Float64Array(this.#layout.codebooks * this.#layout.codebookSize);
  }

  /**
   * Counts the codes of whole images; all of them or, when one is out of range, none. The colors of a palette do not count.
   *
   * @param codes - `[images · codesPerImage]`; borrowed.
   * @throws a {@link ShapeError} when a code is outside its codebook, or the last image is incomplete.
   */
  add(codes: ArrayLike<number>): void {
    const { codesPerImage, paletteCodes, paletteSize, palettePlace, codebooks, codebookSize } = this.#layout;
    if (codes.length % codesPerImage !== 0) {
      throw new ShapeError(`codes: expected ${codesPerImage} an image, got ${codes.length} in all.`);
    }
    const within = palettePlace === "within";
    const [firstPlace, start] = within ? [0, 0] : [paletteCodes, paletteSize];
    const entries: number[] = [];
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i]!;
      const place = i % codesPerImage;
      const [from, to] =
        place < paletteCodes ? [0, paletteSize * (within ? codebookSize : 1)] : [start, start + codebookSize];
      if (!(Number.isInteger(code) && code >= from && code < to)) {
        throw new ShapeError(`codes: ${code} at index ${i} is outside [${from}, ${to}).`);
      }
      if (place >= firstPlace) {
        entries.push(((place - firstPlace) % codebooks) * codebookSize + ((code - start) % codebookSize));
      }
    }
    for (const entry of entries) {
      this.#counts[entry]!++;
    }
  }

  /** Occurrences of each code, `[codebooks · codebookSize]`, codebook after codebook; a copy. */
  get counts(): Float64Array {
    return this.#counts.slice();
  }

  /**
   * exp(−Σ p ln p) of each codebook: the number of equally used codes with the same entropy. The mean of several
   * codebooks, as in training; 0 before any code.
   */
  perplexity(): number {
    const { codebooks, codebookSize } = this.#layout;
    let sum = 0;
    for (let codebook = 0; codebook < codebooks; codebook++) {
      sum += perplexity(this.#counts.subarray(codebook * codebookSize, (codebook + 1) * codebookSize));
    }
    return sum / codebooks;
  }

  /** Share of the codes of all codebooks that occurred at least once, in [0, 1]. */
  share(): number {
    return this.#counts.filter((count) => count > 0).length / this.#counts.length;
  }
}

function perplexity(counts: Float64Array): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let entropy = 0;
  for (const count of counts) {
    const share = count / total;
    entropy -= count === 0 ? 0 : share * Math.log(share);
  }
  return total === 0 ? 0 : Math.exp(entropy);
}
