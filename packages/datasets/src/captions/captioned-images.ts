import { type AttributeTable, gatherAttributes, gatherImages, type ImageBatch } from "@mmgen/core";

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

/** Captioned images of which is known, attribute by attribute, what they show; their captions are composed of it. */
export interface AttributedImages extends CaptionedImages {
  /** One row an image. */
  readonly attributes: AttributeTable;
}

/** Copies the examples at `indices`, in that order, with all that the data sets of this package know of an image. */
export function gatherCaptioned<Examples extends CaptionedImages>(
  examples: Examples,
  indices: ArrayLike<number>,
): Examples;
export function gatherCaptioned(
  examples: CaptionedImages & Partial<CaptionedDigits & AttributedImages & { readonly files: readonly string[] }>,
  indices: ArrayLike<number>,
): CaptionedImages {
  const { attributes, files } = examples;
  const pick = <Value>(values: ArrayLike<Value>) =>
    Array.from({ length: indices.length }, (_, i) => values[indices[i]!]!);
  const numbers = (["digits", "digitColors", "backgroundColors"] as const).flatMap((name) => {
    const values = examples[name];
    return values === undefined ? [] : [[name, Uint8Array.from(pick(values))] as const];
  });
  return {
    images: gatherImages(examples.images, indices),
    captions: pick(examples.captions),
    ...Object.fromEntries(numbers),
    ...(attributes !== undefined && { attributes: gatherAttributes(attributes, indices) }),
    ...(files !== undefined && { files: pick(files) }),
  };
}
