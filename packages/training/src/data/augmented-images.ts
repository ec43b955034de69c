import { checkImageBatch, type ExampleSource, type ImageBatch, type Random, ShapeError } from "@mmgen/core";
import { boolean, fields, listOf, type OptionsOf, optional, resolveOptions, wholeNumber } from "@mmgen/core/options";

const augmentSchema = fields({
  /** Whether each image is mirrored, left for right, with probability ½. Default: false. */
  flip: optional(boolean(), false),
  /**
   * Pixels that are added at every side, before an image of the original size is cut out at a random place: each image is
   * moved by up to so many pixels, each whole number equally often, down or up and to the right or left. Default: 0.
   */
  padding: optional(wholeNumber({ min: 0, max: 4096 }), 0),
  /** The level of the added pixels, one a channel. Default: none, they repeat the pixel at the edge. */
  fill: optional(listOf(wholeNumber({ min: 0, max: 255 }), { minLength: 1 })),
});

/** Options of {@link augmentedImages}. */
export type AugmentedImagesOptions = OptionsOf<typeof augmentSchema>;

/** A batch of images, or one that has them beside labels, captions or whatever else belongs to them. */
export type ImageExamples = ImageBatch | { readonly images: ImageBatch };

/**
 * Examples whose images are mirrored and moved at random, anew in each epoch, where the batch is for training; a batch for
 * evaluation is the source's own.
 *
 * The draws come from the batch's own stream, so a resumed run sees the same images.
 *
 * @param source - Of images, or of `{ images, … }`: all but the images is passed on as it is. Its batches are borrowed.
 * @returns Batches of the same shapes, with copies of the images.
 * @throws a `ConfigError` when an option is unknown or out of range; from `batch` a {@link ShapeError} when a batch has no
 *   images, or `fill` is not one level a channel within `maxValue`.
 * @see Krizhevsky, Sutskever and Hinton 2012, section 4.1, https://doi.org/10.1145/3065386 (translations and reflections)
 */
export function augmentedImages<Batch extends ImageExamples>(
  source: ExampleSource<Batch>,
  options: AugmentedImagesOptions,
): ExampleSource<Batch> {
  const config = resolveOptions(augmentSchema, options);
  return {
    count: source.count,
    batch: async (indices, context) => {
      const batch = await source.batch(indices, context);
      if (!context.training) {
        return batch;
      }
      // A stream of its own: what the source draws does not move it.
      const random = context.random.fork("augmentation");
      return "images" in batch
        ? { ...batch, images: augment(batch.images, config, random) }
        : (augment(batch, config, random) as Batch);
    },
  };
}

interface Augmentation {
  readonly flip: boolean;
  readonly padding: number;
  readonly fill?: readonly number[];
}

function augment(images: ImageBatch, { flip, padding, fill }: Augmentation, random: Random): ImageBatch {
  checkImageBatch(images);
  const { count, height, width, channels, maxValue } = images;
  if (fill !== undefined && (fill.length !== channels || fill.some((level) => level > maxValue))) {
    throw new ShapeError(
      `augmentedImages: fill: expected ${channels} levels from 0 to ${maxValue}, one a channel, got ${fill.join(", ")}.`,
    );
  }
  const data = new Uint8Array(images.data.length);
  const size = height * width * channels;
  const rows = new Int32Array(height);
  const columns = new Int32Array(width);
  const move = () => (padding === 0 ? 0 : random.integer(2 * padding + 1) - padding);
  for (let image = 0; image < count; image++) {
    const isFlipped = flip && random.integer(2) === 1;
    fillSources(rows, { move: move(), isFlipped: false, isClamped: fill === undefined });
    fillSources(columns, { move: move(), isFlipped, isClamped: fill === undefined });
    const from = images.data.subarray(image * size, (image + 1) * size);
    copyPixels({ from, to: data.subarray(image * size, (image + 1) * size), rows, columns, channels, fill });
  }
  return { ...images, data };
}

/** Which row or column each of the result shows; −1 for one beyond the edge that is not repeated. */
function fillSources(
  sources: Int32Array,
  { move, isFlipped, isClamped }: { readonly move: number; readonly isFlipped: boolean; readonly isClamped: boolean },
): void {
  const last = sources.length - 1;
  for (let i = 0; i <= last; i++) {
    const place = i + move;
    const inside = Math.min(Math.max(place, 0), last);
    const source = isClamped || place === inside ? inside : -1;
    sources[i] = isFlipped && source >= 0 ? last - source : source;
  }
}

interface PixelCopy {
  /** `[height, width, channels]`. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  readonly channels: number;
  readonly fill: readonly number[] | undefined;
}

function copyPixels({ from, to, rows, columns, channels, fill = [] }: PixelCopy): void {
  const width = columns.length;
  let at = 0;
  for (const row of rows) {
    for (const column of columns) {
      const source = row < 0 || column < 0 ? -1 : (row * width + column) * channels;
      for (let channel = 0; channel < channels; channel++) {
        to[at++] = source < 0 ? fill[channel]! : from[source + channel]!;
      }
    }
  }
}
