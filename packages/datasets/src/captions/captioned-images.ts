import { gatherImages, type ImageBatch } from "@mmgen/core";

/** Images with a caption each. */
export interface CaptionedImages {
  readonly images: ImageBatch;
  /** `[count]`. */
  readonly captions: readonly string[];
}

/** Colored digits with their captions and their attributes as numbers, one of each an image. */
export interface CaptionedDigits extends CaptionedImages {
  /** 0 to 9. */
  readonly digits: Uint8Array;
  /** Indices into `palette`. */
  readonly digitColors: Uint8Array;
  /** Indices into `palette`. */
  readonly backgroundColors: Uint8Array;
}

/** Copies the examples at `indices`, in that order. */
export function gatherCaptioned<Examples extends CaptionedImages>(
  examples: Examples,
  indices: ArrayLike<number>,
): Examples;
export function gatherCaptioned(
  examples: CaptionedImages & Partial<CaptionedDigits>,
  indices: ArrayLike<number>,
): CaptionedImages {
  const images = gatherImages(examples.images, indices);
  const captions = Array.from({ length: indices.length }, (_, i) => examples.captions[indices[i]!]!);
  const { digits, digitColors, backgroundColors } = examples;
  if (digits === undefined || digitColors === undefined || backgroundColors === undefined) {
    return { images, captions };
  }
  const pick = (values: Uint8Array) => Uint8Array.from({ length: indices.length }, (_, i) => values[indices[i]!]!);
  return {
    images,
    captions,
    digits: pick(digits),
    digitColors: pick(digitColors),
    backgroundColors: pick(backgroundColors),
  } as CaptionedDigits;
}
