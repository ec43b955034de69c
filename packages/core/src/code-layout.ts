import { ConfigError } from "./errors.js";

/** What each of an image's codes says: colors of a palette, if it has one, and the codebooks' codes in turns. */
export interface CodeLayout {
  /** Codes of an image. */
  readonly codesPerImage: number;
  /** How many of them, the first, say a color of a `figure-ground` composition. */
  readonly paletteCodes: number;
  /** Number of such colors. */
  readonly paletteSize: number;
  /**
   * `before`: the first codes say a color alone, in [0, paletteSize), and a codebook's count on from there. `within`:
   * the first codes are of a codebook too, and are color · codebookSize + its code.
   */
  readonly palettePlace: PalettePlace;
  /** Codebooks that take turns along their codes; 1 where all are of one. */
  readonly codebooks: number;
  /** Number of codes of each codebook. */
  readonly codebookSize: number;
}

/** Whether colors have codes of their own. */
export type PalettePlace = "before" | "within";

/** Throws a {@link ConfigError} where a size cannot be. */
export function checkCodeLayout(layout: CodeLayout): void {
  for (const name of ["codesPerImage", "codebooks", "codebookSize"] as const) {
    if (!Number.isInteger(layout[name]) || layout[name] < 1) {
      throw new ConfigError(`${name}: expected a whole number of at least 1, got ${layout[name]}.`);
    }
  }
}
