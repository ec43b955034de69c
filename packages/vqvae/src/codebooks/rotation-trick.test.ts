import "@mmgen/nn/gradients";
import { Random } from "@mmgen/core";
import "@mmgen/nn";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { rotationTrick } from "./gradient-estimator.js";

beforeAll(() => tf.setBackend("cpu"));

type Matrix = number[][];
const times = (matrix: Matrix, vector: readonly number[]) =>
  matrix.map((row) => row.reduce((sum, value, i) => sum + value * vector[i]!, 0));
const product = (one: Matrix, two: Matrix): Matrix =>
  one.map((row) => two[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * two[k]![j]!, 0)));
const transposed = (matrix: Matrix): Matrix => matrix[0]!.map((_, j) => matrix.map((row) => row[j]!));
const length = (vector: readonly number[]) => Math.hypot(...vector);
const unit = (vector: readonly number[]) => vector.map((value) => value / length(vector));

/** I − 2vvᵀ, for a unit vector v: the mirror image across the plane at right angles to it. */
function reflection(v: readonly number[]): Matrix {
  return v.map((a, i) => v.map((b, j) => (i === j ? 1 : 0) - 2 * a * b));
}

/** The rotation in the plane of two directions that takes one to the other: two reflections, one after another. */
function rotation(from: readonly number[], to: readonly number[]): Matrix {
  const [a, b] = [unit(from), unit(to)];
  // Across the plane at right angles to a, then across the one at right angles to the bisector: −a ↦ b.
  return product(reflection(unit(a.map((value, i) => value + b[i]!))), reflection(a));
}

const random = Random.fromSeed(6);
const draw = (dimension = 5) => Array.from(random.normals(dimension));

function gradientOf(z: number[], q: number[], g: number[]): number[] {
  const gradient = tf.tidy(() =>
    tf.grad((x) => tf.sum(tf.mul(rotationTrick(x as tf.Tensor2D, tf.tensor2d([q])), tf.tensor2d([g]))))(
      tf.tensor2d([z]),
    ),
  );
  return [...gradient.dataSync()];
}

describe("rotationTrick", () => {
  it("has the value of the row, exactly", () => {
    const [z, q] = [tf.tensor2d([draw(), draw()]), tf.tensor2d([draw(), draw()])];
    expect([...rotationTrick(z, q).dataSync()]).toEqual([...q.dataSync()]);
  });

  it("has the gradient of the scaled rotation from latent to row, made of two Householder matrices", () => {
    for (let trial = 0; trial < 20; trial++) {
      const [z, q, g] = [draw(), draw(), draw()];
      const rotate = rotation(z, q);
      // It is what it is said to be: orthogonal, and λRz = q.
      product(rotate, transposed(rotate)).forEach((row, i) => {
        row.forEach((value, j) => {
          expect(value).toBeCloseTo(i === j ? 1 : 0, 10);
        });
      });
      const scale = length(q) / length(z);
      times(rotate, z).forEach((value, i) => {
        expect(scale * value).toBeCloseTo(q[i]!, 10);
      });
      const expected = times(transposed(rotate), g).map((value) => scale * value);
      gradientOf(z, q, g).forEach((value, i) => {
        // Float32 sums of five products, scaled: a few times 1e-7 of the largest.
        expect(Math.abs(value - expected[i]!)).toBeLessThan(2e-5 * scale * length(g) + 1e-6);
      });
    }
  });

  it("keeps the angle between a gradient and its vector", () => {
    const [z, q, g] = [draw(), draw(), draw()];
    const cosine = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, value, i) => sum + value * b[i]!, 0) / length(a) / length(b);
    expect(cosine(gradientOf(z, q, g), z)).toBeCloseTo(cosine(g, q), 5);
  });

  it("is straight-through where there is no direction, and finite opposite to it", () => {
    const g = [1, -2, 3];
    expect(gradientOf([0, 0, 0], [1, 2, 3], g)).toEqual(g);
    expect(gradientOf([1, 2, 3], [0, 0, 0], g)).toEqual(g);
    // Opposite directions: the mirror image, twice as long as the latent is short.
    gradientOf([1, 0, 0], [-2, 0, 0], g).forEach((value, i) => {
      expect(value).toBeCloseTo([-2, -4, 6][i]!, 5);
    });
  });
});
