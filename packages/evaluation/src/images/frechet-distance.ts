import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { checkFeatures, type FeatureOptions, featureOptions } from "./features.js";

/**
 * Fréchet distance of two sets of features, each taken as a normal distribution:
 * |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½), in float64.
 *
 * With features of an own classifier it compares sets of images as the Fréchet inception distance does, in other units:
 * give the distance of test images to training images beside it, which is what real images reach. A small set is farther
 * away than a large one of the same images, so compare sets of one size.
 *
 * @param first - Features of one set of images, `[count, dimension]` row-major, at least two rows; borrowed.
 * @param second - Features of the other; the order of the two makes no difference. Borrowed.
 * @throws a `ShapeError` when a set is not whole rows, has fewer than two, or holds a value that is not finite; a
 *   `ConfigError` for an option that is unknown or out of range.
 * @see Heusel et al. 2017, https://arxiv.org/abs/1706.08500
 */
export function frechetDistance(first: ArrayLike<number>, second: ArrayLike<number>, options: FeatureOptions): number {
  const { dimension } = featureOptions(options);
  const [a, b] = [distribution("first", first, dimension), distribution("second", second, dimension)];
  let shift = 0;
  for (let i = 0; i < dimension; i++) {
    shift += (a.mean[i]! - b.mean[i]!) ** 2;
  }
  const distance = shift + a.covariance.trace() + b.covariance.trace() - 2 * rootTrace(a.covariance, b.covariance);
  // Of equal sets it is 0 but for rounding.
  return Math.max(0, distance);
}

interface Distribution {
  readonly mean: Float64Array;
  /** Over count − 1. */
  readonly covariance: Matrix;
}

function distribution(name: string, features: ArrayLike<number>, dimension: number): Distribution {
  const count = checkFeatures(`frechetDistance: ${name}`, features, { dimension, minCount: 2 });
  const mean = new Float64Array(dimension);
  for (let i = 0; i < features.length; i++) {
    mean[i % dimension]! += features[i]! / count;
  }
  // The upper triangle, a row of features at a time.
  const sums = new Float64Array(dimension * dimension);
  const centered = new Float64Array(dimension);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < dimension; i++) {
      centered[i] = features[row * dimension + i]! - mean[i]!;
    }
    for (let i = 0; i < dimension; i++) {
      const value = centered[i]!;
      for (let j = i; j < dimension; j++) {
        sums[i * dimension + j]! += value * centered[j]!;
      }
    }
  }
  const covariance = new Matrix(dimension, dimension);
  for (let i = 0; i < dimension; i++) {
    for (let j = i; j < dimension; j++) {
      const value = sums[i * dimension + j]! / (count - 1);
      covariance.set(i, j, value).set(j, i, value);
    }
  }
  return { mean, covariance };
}

/** tr (Σ₁Σ₂)^½: the sum of the roots of the eigenvalues of Σ₁^½ Σ₂ Σ₁^½, which is symmetric and has those of Σ₁Σ₂. */
function rootTrace(first: Matrix, second: Matrix): number {
  const { eigenvectorMatrix: vectors, realEigenvalues } = symmetricEigenvalues(first);
  const root = vectors.mmul(Matrix.diag(realEigenvalues.map(rootOf))).mmul(vectors.transpose());
  const product = root.mmul(second).mmul(root);
  const symmetric = Matrix.add(product, product.transpose()).mul(0.5);
  return symmetricEigenvalues(symmetric).realEigenvalues.reduce((sum, value) => sum + rootOf(value), 0);
}

function symmetricEigenvalues(matrix: Matrix): EigenvalueDecomposition {
  return new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
}

/** Eigenvalues of a covariance are never below 0 but for rounding. */
function rootOf(eigenvalue: number): number {
  return Math.sqrt(Math.max(0, eigenvalue));
}
