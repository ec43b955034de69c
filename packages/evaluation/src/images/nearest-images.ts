import { AbortedError, checkImageBatch, type ImageBatch, mirrorImages, ShapeError, sliceImages } from "@mmgen/core";
import { boolean, fields, functionValue, oneOf, optional, resolveOptions, value } from "@mmgen/core/options";
import { type ImageComparison, imageRows } from "./image-rows.js";
import { NearestSearch } from "./nearest-search.js";

/** Options of {@link nearestImages}. */
export interface NearestImagesOptions {
  /** Whose nearest images are looked for, `[count, height, width, channels]`; borrowed. */
  readonly images: ImageBatch;
  /** Where they are looked for: training images, of the same shape and range; borrowed. */
  readonly among: ImageBatch;
  /**
   * What is compared: "pixels", or "means" of an 8 × 8 grid of cells, which see the layout and colors without the detail.
   * Default: "pixels".
   */
  readonly compare?: ImageComparison | undefined;
  /** Whether the mirror images of `among` are looked at too. Default: false. */
  readonly mirrored?: boolean | undefined;
  /**
   * Makes what is compared of images of `among` and their mirror images, a block at a time: an image tokenizer's
   * reconstruction, for `images` that come from its decoder. Default: they are compared as they are.
   */
  readonly reconstruct?: Reconstruct | undefined;
  /** Stops between blocks. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** Encodes and decodes images; the result has their count, shape and range. */
export type Reconstruct = (images: ImageBatch) => ImageBatch | Promise<ImageBatch>;

/** The nearest image to each of some images. */
export interface NearestImages {
  /** Mean squared distance, of levels scaled to [0, 1], `[count]`. */
  readonly distances: Float64Array;
  /** Which of `among` is nearest, `[count]`. */
  readonly indices: Int32Array;
  /** 1 where its mirror image is meant, `[count]`. */
  readonly mirrored: Uint8Array;
}

/** Images of `among` that are compared at once. */
const blockSize = 256;

const batch = value<ImageBatch>("a batch of images", (candidate) => candidate instanceof Object);
export const searchFields = {
  mirrored: optional(boolean()),
  reconstruct: optional(functionValue<Reconstruct>()),
  signal: optional(value<AbortSignal>("an AbortSignal", (candidate) => candidate instanceof Object)),
};
const nearestImagesSchema = fields({
  images: batch,
  among: batch,
  compare: optional(oneOf(["pixels", "means"]), "pixels"),
  ...searchFields,
});

/**
 * Finds the image nearest to each of `images` by mean squared distance: is a sample a copy of a training image?
 *
 * The distances of a block of images at a time are a matrix product on the active backend, so that memory holds `images`
 * twice and one block beside what is given.
 *
 * @returns Yours.
 * @throws a {@link ShapeError} when batches differ in shape or range, or are empty; a `ConfigError` for an option that is
 *   unknown or out of range; an {@link AbortedError} when the signal fires.
 */
export async function nearestImages(options: NearestImagesOptions): Promise<NearestImages> {
  const { compare, ...search } = resolveOptions(nearestImagesSchema, options);
  const found = await searchNearest({ ...search, comparisons: [compare] });
  return found[0]!;
}

/** What {@link searchNearest} takes. */
export interface SearchOptions extends Omit<NearestImagesOptions, "compare"> {
  readonly comparisons: readonly ImageComparison[];
}

/** {@link nearestImages} by several comparisons in one pass over `among`. */
export async function searchNearest(options: SearchOptions): Promise<NearestImages[]> {
  const { images, among, comparisons, mirrored = false, reconstruct = (batch) => batch, signal } = options;
  checkImageBatch(images);
  checkImageBatch(among, "among");
  checkAlike("among", among, images);
  const searches = comparisons.map((comparison) => new NearestSearch(imageRows(images, comparison)));
  try {
    for (let start = 0; start < among.count; start += blockSize) {
      const block = sliceImages(among, start, Math.min(start + blockSize, among.count));
      for (const [half, part] of (mirrored ? [block, mirrorImages(block)] : [block]).entries()) {
        if (signal?.aborted) {
          throw new AbortedError("The search for nearest images was stopped by its signal.", { cause: signal.reason });
        }
        const compared = await reconstruct(part);
        checkImageBatch(compared, "reconstruct");
        checkAlike("reconstruct", compared, images, part.count);
        for (const [i, search] of searches.entries()) {
          // Mirror images are counted after all the others.
          await search.add(imageRows(compared, comparisons[i]!), half * among.count + start);
        }
      }
    }
  } finally {
    for (const search of searches) {
      search.dispose();
    }
  }
  return searches.map(({ distances, indices }) => ({
    distances,
    indices: indices.map((index) => index % among.count),
    mirrored: Uint8Array.from(indices, (index) => (index >= among.count ? 1 : 0)),
  }));
}

/** Throws a {@link ShapeError} unless `found` has images, as many as asked for, of the shape and range of `images`. */
export function checkAlike(name: string, found: ImageBatch, images: ImageBatch, count = found.count): void {
  for (const axis of ["height", "width", "channels", "maxValue"] as const) {
    if (found[axis] !== images[axis]) {
      throw new ShapeError(`${name}: expected ${axis} ${images[axis]} as the images have it, got ${found[axis]}.`);
    }
  }
  if (found.count === 0 || images.count === 0) {
    throw new ShapeError(
      `${name}: expected at least one image here and there, got ${found.count} and ${images.count}.`,
    );
  }
  if (found.count !== count) {
    throw new ShapeError(`${name}: expected ${count} images, got ${found.count}.`);
  }
}
