import { ConfigError } from "@mmgen/core";

/** Which codebook each of an image's codes is of: first those of a palette, if any, then the codebooks' in turns. */
export interface CodeLayout {
  /** Codes of an image. */
  readonly codesPerImage: number;
  /** How many of them come first and are of no codebook: the colours of a `figure-ground` composition. */
  readonly paletteCodes: number;
  /** Number of such colours, which are the codes [0, paletteSize); a codebook's go on from there. */
  readonly paletteSize: number;
  /** Codebooks that take turns along the other codes; 1 where all are of one. */
  readonly codebooks: number;
  /** Number of codes of each codebook. */
  readonly codebookSize: number;
}

/** Throws a {@link ConfigError} where a size cannot be. */
export function checkCodeLayout(layout: CodeLayout): void {
  for (const name of ["codesPerImage", "codebooks", "codebookSize"] as const) {
    if (!Number.isInteger(layout[name]) || layout[name] < 1) {
      throw new ConfigError(`${name}: expected a whole number of at least 1, got ${layout[name]}.`);
    }
  }
}
