import { type ConfigError, DataError, Random, ShapeError } from "@mmgen/core";
import { fields, resolveOptions, typedArray, wholeNumber } from "@mmgen/core/options";
import { kMeans } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import type { ImageClasses } from "../model/image-text.js";

/** Options of {@link imageKinds}. */
export interface ImageKindsOptions {
  /**
   * `[images, dimension]`, row-major: what is to be alike in images of a kind, such as the features of an
   * `AttributeClassifier`. Each is brought to one scale. Borrowed.
   */
  readonly features: Float32Array;
  /** Features of an image. */
  readonly dimension: number;
  /** Kinds to look for; where fewer images differ, fewer are found. */
  readonly kinds: number;
  readonly seed: number;
}

/** Classes that nobody named. */
export interface ImageKinds extends ImageClasses {
  /** The kind of each image. */
  readonly labels: Int32Array;
}

const imageKindsSchema = fields({
  features: typedArray<Float32Array>("Float32Array"),
  dimension: wholeNumber({ min: 1 }),
  kinds: wholeNumber({ min: 1 }),
  seed: wholeNumber(),
});

/**
 * Sorts images into kinds that look alike, by k-means, as classes for a model of images that nobody described: it learns
 * which kinds there are, and what images of each look like.
 *
 * `trainInto("faces", { images, classes: await imageKinds({ … }) })`.
 *
 * @returns Classes of which each has images; the same for the same features and seed.
 * @throws a {@link ConfigError} for an option that is unknown or out of range; a {@link ShapeError} when the features are not
 *   those of one image or more, a {@link DataError} when one is not a number.
 */
export async function imageKinds(options: ImageKindsOptions): Promise<ImageKinds> {
  const { dimension, features, kinds, seed } = resolveOptions(imageKindsSchema, options);
  const count = features.length / dimension;
  if (!Number.isInteger(count) || count < 1) {
    throw new ShapeError(
      `features: expected a multiple of ${dimension}, the dimension, got ${features.length} values.`,
    );
  }
  const wrong = features.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new DataError(`features: expected numbers, got ${features[wrong]} at index ${wrong}.`);
  }
  const vectors = tf.tensor2d(standardized(features, dimension), [count, dimension]);
  const clusters = Math.min(kinds, count);
  const found = await kMeans(vectors, {
    clusters,
    random: Random.fromSeed(seed).fork("kinds"),
    iterations: 30,
  }).finally(() => vectors.dispose());
  try {
    return classesOf((await found.nearest.data()) as Int32Array);
  } finally {
    tf.dispose(found);
  }
}

const spreadSchema = fields({ count: wholeNumber({ min: 0 }), seed: wholeNumber() });

const goldenSection = (Math.sqrt(5) - 1) / 2;

/**
 * Kinds, or classes, of new images: each as often as it is among `labels`, but for two or three images, where draws by chance
 * would have some too often and others not at all. A label depends on the seed and its number alone, not on how many there
 * are.
 *
 * `model.draw([...spreadLabels(labels, { count: 64, seed: 1 })].map((label) => names[label]!))`.
 *
 * @param labels - Those of the training images, whole numbers; borrowed.
 * @throws a {@link ConfigError} for an option that is unknown or out of range; a {@link ShapeError} where there are no labels.
 */
export function spreadLabels(
  labels: ArrayLike<number>,
  options: { readonly count: number; readonly seed: number },
): Int32Array {
  const { count, seed } = resolveOptions(spreadSchema, options);
  if (labels.length === 0) {
    throw new ShapeError("labels: expected at least one, got none.");
  }
  const inOrder = Int32Array.from(labels).sort();
  const start = Random.fromSeed(seed).fork("labels").uniform();
  // Any number of steps of a golden section around a circle lie evenly on it.
  const place = (i: number) => Math.floor(((start + i * goldenSection) % 1) * inOrder.length);
  return Int32Array.from({ length: count }, (_, i) => inOrder[place(i)]!);
}

/** Each feature with a mean of 0 and a standard deviation of 1; one that is the same for all images is 0. */
function standardized(features: Float32Array, dimension: number): Float32Array {
  const count = features.length / dimension;
  const [mean, square] = [new Float64Array(dimension), new Float64Array(dimension)];
  for (let i = 0; i < features.length; i++) {
    mean[i % dimension]! += features[i]! / count;
  }
  for (let i = 0; i < features.length; i++) {
    square[i % dimension]! += (features[i]! - mean[i % dimension]!) ** 2 / count;
  }
  const scale = square.map((value) => (value > 0 ? 1 / Math.sqrt(value) : 0));
  return features.map((value, i) => (value - mean[i % dimension]!) * scale[i % dimension]!);
}

/** Kinds numbered from 0 without those that have no image. */
function classesOf(centers: Int32Array): ImageKinds {
  const used = [...new Set(centers)].sort((a, b) => a - b);
  const numbers = new Map(used.map((center, kind) => [center, kind]));
  return { labels: centers.map((center) => numbers.get(center)!), names: used.map((_, kind) => `kind ${kind + 1}`) };
}
