import { type ConfigError, type Random, ShapeError } from "@mmgen/core";
import { boolean, fields, optional, resolveOptions, seededRandom, wholeNumber } from "@mmgen/core/options";
import * as tf from "@tensorflow/tfjs-core";
import { type CodeSums, codeSums, nearestCodes } from "./nearest-codes.js";
import { unitLength } from "./unit-length.js";

/** Options of {@link kMeans}. */
export interface KMeansOptions {
  readonly clusters: number;
  readonly random: Random;
  /** Rounds of assigning and averaging. Default: 10. */
  readonly iterations?: number | undefined;
  /** Whether the vectors have length 1 and the centers are scaled to it. Default: false. */
  readonly spherical?: boolean | undefined;
}

const kMeansSchema = fields({
  clusters: wholeNumber({ min: 1 }),
  random: seededRandom(),
  iterations: optional(wholeNumber({ min: 1 }), 10),
  spherical: optional(boolean(), false),
});

/** Vectors that the seeding looks at, at least; more would not change where the clusters lie. */
const seedingSample = 4096;

/**
 * Finds cluster centers: seeds by k-means++, then Lloyd's rounds. A center without nearest vectors stays.
 *
 * @param vectors - `[count, dimension]`, count ≥ 1; borrowed, read back once.
 * @returns Centers `[clusters, dimension]`, the center nearest to each vector, `[count]` int32, and the number of vectors
 *   nearest to each center, `[clusters]`; yours to dispose.
 * @throws a {@link ShapeError} when there is no vector, a {@link ConfigError} for an option that is unknown or out of range.
 * @see Arthur and Vassilvitskii 2007, https://theory.stanford.edu/~sergei/papers/kMeansPP-soda.pdf
 */
export async function kMeans(
  vectors: tf.Tensor2D,
  options: KMeansOptions,
): Promise<{ centers: tf.Tensor2D; nearest: tf.Tensor1D; counts: tf.Tensor1D }> {
  const { clusters, iterations, random, spherical } = resolveOptions(kMeansSchema, options);
  const [count, dimension] = vectors.shape;
  if (vectors.rank !== 2 || vectors.size === 0) {
    throw new ShapeError(`vectors: expected [count, dimension], at least one of either, got [${vectors.shape}].`);
  }
  const values = (await vectors.data()) as Float32Array;
  const order = random.permutation(count).subarray(0, Math.max(seedingSample, 2 * clusters));
  const sample = new Float32Array(order.length * dimension);
  order.forEach((row, i) => {
    sample.set(values.subarray(row * dimension, (row + 1) * dimension), i * dimension);
  });
  const seeds = kMeansPlusPlus(sample, { dimension, clusters, random });
  return tf.tidy(() => {
    let centers = tf.tensor2d(seeds, [clusters, dimension]);
    const sumsOf = (nearest: tf.Tensor1D): CodeSums => codeSums(vectors, nearest, { codebookSize: clusters });
    for (let round = 0; round < iterations; round++) {
      const { counts, sums } = sumsOf(nearestCodes(vectors, centers));
      const column = tf.reshape(counts, [clusters, 1]);
      const means = tf.div(sums, tf.maximum(column, 1)) as tf.Tensor2D;
      const moved = spherical ? unitLength(means) : means;
      centers = tf.where(tf.tile(tf.greater(column, 0), [1, dimension]), moved, centers) as tf.Tensor2D;
    }
    const nearest = nearestCodes(vectors, centers);
    return { centers, nearest, counts: sumsOf(nearest).counts };
  });
}

/**
 * Seeds of k-means: each next one is a vector drawn with probability proportional to its squared distance to the nearest
 * seed so far. Where fewer distinct vectors than clusters exist, some are drawn again.
 *
 * @param vectors - `[count, dimension]` row-major, count ≥ 1.
 * @returns `[clusters, dimension]`.
 */
export function kMeansPlusPlus(
  vectors: Float32Array,
  { dimension, clusters, random }: { dimension: number; clusters: number; random: Random },
): Float32Array {
  const count = vectors.length / dimension;
  const seeds = new Float32Array(clusters * dimension);
  const distances = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  let chosen = random.integer(count);
  for (let cluster = 0; cluster < clusters; cluster++) {
    const seed = vectors.subarray(chosen * dimension, (chosen + 1) * dimension);
    seeds.set(seed, cluster * dimension);
    let total = 0;
    for (let row = 0; row < count; row++) {
      let squared = 0;
      for (let axis = 0, at = row * dimension; axis < dimension; axis++, at++) {
        const difference = vectors[at]! - seed[axis]!;
        squared += difference * difference;
      }
      if (squared < distances[row]!) {
        distances[row] = squared;
      }
      total += distances[row]!;
    }
    chosen = total > 0 ? drawProportionally(distances, total * random.uniform()) : random.integer(count);
  }
  return seeds;
}

function drawProportionally(weights: Float64Array, target: number): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i]!;
    if (sum > target) {
      return i;
    }
  }
  // Rounding may leave the sum just below the target: take the last vector of nonzero weight.
  return weights.findLastIndex((weight) => weight > 0);
}
