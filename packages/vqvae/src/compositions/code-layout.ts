import type { CodeLayout } from "@mmgen/core";
import type { Composition } from "./composition.js";

/** How the codes of an image lie. */
export interface LaidOutCodes {
  /** Codes per image that come from the quantizer. */
  readonly gridCodes: number;
  readonly codeLayout: CodeLayout;
  /** Height and width of an image's codes. */
  readonly codeGrid: { readonly height: number; readonly width: number };
}

/** Lays out the codes of a grid of latent vectors, beside the colors of a composition. */
export function layOutCodes(
  { height, width }: LaidOutCodes["codeGrid"],
  { codesPerVector, codebooks, codebookSize }: QuantizerCodes,
  { imageCodes: paletteCodes, imageCodebookSize: paletteSize, palettePlace }: Composition,
): LaidOutCodes {
  const gridCodes = height * width * codesPerVector;
  const codesPerImage = palettePlace === "within" ? gridCodes : paletteCodes + gridCodes;
  return {
    gridCodes,
    codeLayout: { codesPerImage, paletteCodes, paletteSize, palettePlace, codebooks, codebookSize },
    codeGrid:
      codesPerImage === gridCodes ? { height, width: width * codesPerVector } : { height: 1, width: codesPerImage },
  };
}

/** What a quantizer makes of each latent vector. */
export interface QuantizerCodes {
  readonly codesPerVector: number;
  /** Codebooks that take turns along a vector's codes. */
  readonly codebooks: number;
  readonly codebookSize: number;
}
