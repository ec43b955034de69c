import { gatherImages, type ImageBatch } from "@mmgen/core";

/** Pictures with a caption each. */
export interface CaptionedImages {
  readonly images: ImageBatch;
  /** `[count]`. */
  readonly captions: readonly string[];
}

/** Coloured digits with their captions and what the captions say, as numbers; all of the same count. */
export interface CaptionedDigits extends CaptionedImages {
  /** 0 to 9. */
  readonly digits: Uint8Array;
  /** Indices into `palette`. */
  readonly digitColours: Uint8Array;
  /** Indices into `palette`. */
  readonly backgroundColours: Uint8Array;
}

/** A copy of the examples at `indices`, in that order. */
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
  const { digits, digitColours, backgroundColours } = examples;
  if (digits === undefined || digitColours === undefined || backgroundColours === undefined) {
    return { images, captions };
  }
  const pick = (values: Uint8Array) => Uint8Array.from({ length: indices.length }, (_, i) => values[indices[i]!]!);
  return {
    images,
    captions,
    digits: pick(digits),
    digitColours: pick(digitColours),
    backgroundColours: pick(backgroundColours),
  } as CaptionedDigits;
}
