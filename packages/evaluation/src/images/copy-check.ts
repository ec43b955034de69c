import { checkImageBatch, concatImages, type ImageBatch } from "@mmgen/core";
import { fields, number, optional, resolveOptions, value } from "@mmgen/core/options";
import type { ImageComparison } from "./image-rows.js";
import {
  checkAlike,
  type NearestImages,
  type NearestImagesOptions,
  searchFields,
  searchNearest,
} from "./nearest-images.js";

/** Options of {@link copyCheck}. */
export interface CopyCheckOptions extends Pick<NearestImagesOptions, "mirrored" | "reconstruct" | "signal"> {
  /** Generated images, as the image tokenizer decoded them; borrowed. */
  readonly samples: ImageBatch;
  /** Images that the models were trained on; borrowed. */
  readonly training: ImageBatch;
  /** Images that they were not trained on, about 1 000; borrowed. */
  readonly test: ImageBatch;
  /** Whether the models were trained on mirror images too. Default: true. */
  readonly mirrored?: boolean | undefined;
  /** Share of the test images that the threshold calls copies. Default: 0.01. */
  readonly quantile?: number | undefined;
}

/** How near samples are to training images, by one comparison. */
export interface CopyVerdict {
  /** A sample nearer than this to a training image counts as a copy; of levels scaled to [0, 1]. */
  readonly threshold: number;
  /** Share of the samples that are nearer. */
  readonly share: number;
  /** The nearest training image to each sample. */
  readonly nearest: NearestImages;
  /** Mean squared distance of each test image to its nearest training image. */
  readonly testDistances: Float64Array;
}

const batch = value<ImageBatch>("a batch of images", (candidate) => candidate instanceof Object);
const copyCheckSchema = fields({
  samples: batch,
  training: batch,
  test: batch,
  quantile: optional(number({ above: 0, below: 1 }), 0.01),
  ...searchFields,
});

/**
 * Tells whether a model repeats its training images: the share of samples that are nearer to one than almost every test
 * image is.
 *
 * The threshold is the 1 % quantile of the test images' nearest distances, so about 1 % is the share of samples that are
 * like unseen images. With `reconstruct` reconstructions are compared on both sides: samples come from the tokenizer's
 * decoder, which would make every one of them farther from the originals than a test image is.
 *
 * @returns Verdicts by the mean squared distance of all pixels, and of the means of an 8 × 8 grid of cells; yours.
 * @throws a `ShapeError` when batches differ in shape or range, or are empty; a `ConfigError` for an option that is
 *   unknown or out of range; an `AbortedError` when the signal fires.
 */
export async function copyCheck(options: CopyCheckOptions): Promise<Record<ImageComparison, CopyVerdict>> {
  const { samples, training, test, quantile, mirrored = true, ...rest } = resolveOptions(copyCheckSchema, options);
  const reconstructed = rest.reconstruct ? await rest.reconstruct(test) : test;
  const images = joined(samples, reconstructed);
  const comparisons = ["pixels", "means"] as const;
  const found = await searchNearest({ images, among: training, comparisons, mirrored, ...rest });
  const verdicts = found.map(({ distances, indices, mirrored }): CopyVerdict => {
    const testDistances = distances.slice(samples.count);
    const threshold = quantileOf(testDistances, quantile);
    const nearest: NearestImages = {
      distances: distances.slice(0, samples.count),
      indices: indices.slice(0, samples.count),
      mirrored: mirrored.slice(0, samples.count),
    };
    const below = nearest.distances.reduce((sum, distance) => sum + (distance < threshold ? 1 : 0), 0);
    return { threshold, share: below / samples.count, nearest, testDistances };
  });
  return { pixels: verdicts[0]!, means: verdicts[1]! };
}

function joined(samples: ImageBatch, test: ImageBatch): ImageBatch {
  checkImageBatch(samples, "samples");
  checkImageBatch(test, "test");
  checkAlike("test", test, samples);
  return concatImages([samples, test]);
}

/** Interpolated between the two nearest ranks, as NumPy does it. */
function quantileOf(values: Float64Array, share: number): number {
  const sorted = values.slice().sort();
  const rank = share * (sorted.length - 1);
  const low = sorted[Math.floor(rank)]!;
  return low + (rank - Math.floor(rank)) * (sorted[Math.ceil(rank)]! - low);
}
