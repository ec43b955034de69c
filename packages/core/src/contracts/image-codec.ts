import { checkWholeNumber } from "../options/checks.js";
import type { CodeBatch, ImageBatch } from "./batches.js";

/** Turns images into a grid of discrete codes and back. Satisfied by `VqVae`. */
export interface ImageCodec {
  /** Number of distinct codes. */
  readonly codebookSize: number;
  /** Height and width of the code grid of one image, in codes. */
  readonly codeGrid: { readonly height: number; readonly width: number };
  encode(images: ImageBatch): Promise<CodeBatch>;
  decode(codes: CodeBatch): Promise<ImageBatch>;
}

/** What each of an image's codes stands for: a color of the palette, if there is one, or a code of a codebook, in turns. */
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

/** Throws a `ConfigError` unless every size is a whole number of at least 1. */
export function checkCodeLayout(layout: CodeLayout): void {
  for (const name of ["codesPerImage", "codebooks", "codebookSize"] as const) {
    checkWholeNumber(name, layout[name], { min: 1 });
  }
}
