import { ConfigError, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { adamW } from "./adamw.js";
import { muon } from "./muon.js";
import { Optimizer } from "./optimizer.js";
import { orthogonalized } from "./orthogonalized.js";
import { scaleByMuon } from "./scale-by-muon.js";

type Matrix = readonly (readonly number[])[];

/** What five rounds of the published iteration make of a singular value. */
function iterated(value: number): number {
  let x = value;
  for (let round = 0; round < 5; round++) {
    x = 3.4445 * x - 4.775 * x ** 3 + 2.0315 * x ** 5;
  }
  return x;
}

const transposed = (x: Matrix): Matrix => x[0]!.map((_, column) => x.map((row) => row[column]!));
const product = (x: Matrix, y: Matrix): Matrix =>
  x.map((row) => transposed(y).map((column) => row.reduce((sum, value, i) => sum + value * column[i]!, 0)));
const combined = (...terms: readonly (readonly [number, Matrix])[]): Matrix =>
  terms[0]![1].map((row, i) => row.map((_, j) => terms.reduce((sum, [factor, x]) => sum + factor * x[i]![j]!, 0)));

/** The published algorithm on the matrix itself, in float64: X ← a·X + (b·A + c·A²)·X with A = X·Xᵀ. */
function publishedIteration(matrix: Matrix): Matrix {
  if (matrix.length > matrix[0]!.length) {
    return transposed(publishedIteration(transposed(matrix)));
  }
  const norm = Math.hypot(...matrix.flat());
  let x = combined([1 / norm, matrix]);
  for (let round = 0; round < 5; round++) {
    const gram = product(x, transposed(x));
    const polynomial = combined([-4.775, gram], [2.0315, product(gram, gram)]);
    x = combined([3.4445, x], [1, product(polynomial, x)]);
  }
  return x;
}

/** Columns of length one at right angles to each other, by Gram and Schmidt in float64. */
function orthonormalColumns(rows: number, columns: number, random: Random): Matrix {
  const found: number[][] = [];
  while (found.length < columns) {
    let column = [...random.normals(rows)];
    for (const earlier of found) {
      const along = column.reduce((sum, value, i) => sum + value * earlier[i]!, 0);
      column = column.map((value, i) => value - along * earlier[i]!);
    }
    const length = Math.hypot(...column);
    found.push(column.map((value) => value / length));
  }
  return transposed(found);
}

const scalars = () => {
  const made = new Map<number, tf.Scalar>();
  return (value: number) => made.get(value) ?? made.set(value, tf.scalar(value)).get(value)!;
};
const asMatrix = (values: ArrayLike<number>, columns: number): Matrix =>
  Array.from({ length: values.length / columns }, (_, row) =>
    Array.from({ length: columns }, (_, column) => values[row * columns + column]!),
  );

function expectClose(actual: ArrayLike<number>, expected: Matrix, tolerance: number): void {
  for (const [i, value] of expected.flat().entries()) {
    expect(Math.abs(actual[i]! - value)).toBeLessThan(tolerance);
  }
}

describe("orthogonalized", () => {
  it.each([
    ["tall", 9, 4],
    ["wide", 4, 9],
    ["square", 5, 5],
  ])("maps the singular values of a %s matrix, and leaves its directions", (_, rows, columns) => {
    const random = Random.fromSeed(2);
    const side = Math.min(rows, columns);
    const [left, right] = [orthonormalColumns(rows, side, random), orthonormalColumns(columns, side, random)];
    const values = [40, 8, 1, 0.3, 0.05].slice(0, side);
    const norm = Math.hypot(...values);
    const withValues = (of: (value: number) => number) =>
      product(
        left.map((row) => row.map((x, i) => x * of(values[i]!))),
        transposed(right),
      );
    const matrix = withValues((value) => value);
    const result = tf.tidy(() => orthogonalized(tf.tensor2d(matrix as number[][]), scalars()).dataSync());
    // The square of the smallest value, a thousandth of the largest, is right to some 4 % in float32; it is what a round
    // multiplies that value by, but for its largest part.
    expectClose(
      result,
      withValues((value) => iterated(value / norm)),
      2e-3,
    );
  });

  it("keeps zeros and leaks nothing", () => {
    const before = tf.memory().numTensors;
    const result = tf.tidy(() => orthogonalized(tf.zeros([3, 2]), scalars()).dataSync());
    expect([...result]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("muon", () => {
  let variables: Map<string, tf.Variable>;
  beforeEach(() => {
    const random = Random.fromSeed(5);
    variables = new Map(
      Object.entries({
        bias: [3],
        "block.weight": [4, 3],
        "convolution.weight": [2, 2, 3, 5],
        "transformer.wte.weight": [6, 3],
      }).map(([name, shape]) => {
        const values = random.normals(shape.reduce((x, y) => x * y));
        return [name, tf.tidy(() => tf.variable(tf.tensor(values, shape)))] as const;
      }),
    );
  });
  afterEach(() => tf.dispose([...variables.values()]));

  const drawn = (random: Random) =>
    Object.fromEntries(
      [...variables].map(([name, { shape, size }]) => [name, tf.tensor(random.normals(size), shape)] as const),
    );
  const values = () =>
    Object.fromEntries([...variables].map(([name, variable]) => [name, [...variable.dataSync()]] as const));

  it.each([true, false])("moves matrices as the published algorithm does, nesterov %s", (nesterov) => {
    const names = ["block.weight", "convolution.weight"];
    const expected = new Map(
      names.map((name) => [name, asMatrix(variables.get(name)!.dataSync(), variables.get(name)!.shape.at(-1)!)]),
    );
    const means = new Map([...expected].map(([name, matrix]) => [name, combined([0, matrix])]));
    using optimizer = Optimizer.create(variables, muon({ momentum: 0.9, nesterov, weightDecay: 0.1 }));
    const random = Random.fromSeed(6);
    for (let step = 1; step <= 10; step++) {
      const learningRate = 0.02 / step;
      const gradients = drawn(random);
      for (const name of names) {
        const old = expected.get(name)!;
        const gradient = asMatrix(gradients[name]!.dataSync(), old[0]!.length);
        const mean = combined([0.9, means.get(name)!], [0.1, gradient]);
        means.set(name, mean);
        const moved = publishedIteration(nesterov ? combined([0.9, mean], [0.1, gradient]) : mean);
        const size = 0.2 * Math.sqrt(Math.max(old.length, old[0]!.length));
        expected.set(name, combined([1 - 0.1 * learningRate, old], [-size * learningRate, moved]));
      }
      tf.tidy(() => void optimizer.update(gradients, learningRate));
      tf.dispose(gradients);
    }
    for (const name of names) {
      // Directions are right to about 1e-4, and ten steps of at most 0.02 add up to 0.06 of them.
      expectClose(variables.get(name)!.dataSync(), expected.get(name)!, 2e-5);
    }
  });

  it("leaves vectors and tables to Adam, and what `orthogonalizes` does not name", () => {
    const after = (transform: ReturnType<typeof muon>) => {
      const start = [...variables.values()].map((variable) => variable.clone());
      using optimizer = Optimizer.create(variables, transform);
      const random = Random.fromSeed(7);
      for (let step = 0; step < 3; step++) {
        const gradients = drawn(random);
        optimizer.update(gradients, 0.1).dispose();
        tf.dispose(gradients);
      }
      const found = values();
      for (const [i, variable] of [...variables.values()].entries()) {
        variable.assign(start[i]!);
      }
      tf.dispose(start);
      return found;
    };
    const options = { beta2: 0.95, clipNorm: 2, weightDecay: 0.2 };
    const byAdam = after(adamW(options));
    const byMuon = after(muon(options));
    const same = Object.keys(byAdam).filter((name) => `${byAdam[name]}` === `${byMuon[name]}`);
    expect(same).toEqual(["bias", "transformer.wte.weight"]);
    expect(after(muon({ ...options, orthogonalizes: () => false }))).toEqual(byAdam);
  });

  it("moves by about as much as Adam", () => {
    using optimizer = Optimizer.create(variables, muon({ weightDecay: 0 }));
    const before = values();
    tf.tidy(() => void optimizer.update(drawn(Random.fromSeed(8)), 0.1));
    const after = values();
    for (const name of ["block.weight", "convolution.weight"]) {
      const moves = after[name]!.map((value, i) => (value - before[name]![i]!) / 0.1);
      const rootMeanSquare = Math.hypot(...moves) / Math.sqrt(moves.length);
      // 0.2, times the 0.68 to 1.21 that singular values come to.
      expect(rootMeanSquare).toBeGreaterThan(0.2 * 0.68);
      expect(rootMeanSquare).toBeLessThan(0.2 * 1.21);
    }
  });

  it("keeps one moment of a matrix, leaks nothing, and is recorded as it is taken", () => {
    const start = tf.memory().numTensors;
    const optimizer = Optimizer.create(variables, muon());
    expect([...optimizer.state.keys()].sort()).toEqual([
      "firstMoment.bias",
      "firstMoment.transformer.wte.weight",
      "momentum.block.weight",
      "momentum.convolution.weight",
      "secondMoment.bias",
      "secondMoment.transformer.wte.weight",
    ]);
    const before = tf.memory().numTensors;
    const gradients = drawn(Random.fromSeed(9));
    const held = optimizer.hold();
    const old = [...variables.values()].map((variable) => variable.clone());
    optimizer.update(gradients, 0.1).dispose();
    const taken = values();
    held.restore();
    held.dispose();
    for (const [i, variable] of [...variables.values()].entries()) {
      variable.assign(old[i]!);
    }
    tf.dispose(old);
    tf.tidy(() => void optimizer.record(gradients, { learningRate: tf.scalar(0.1), step: tf.scalar(1) }));
    for (const [name, recorded] of Object.entries(values())) {
      for (const [i, value] of recorded.entries()) {
        // Adam's corrections are computed in float32 there.
        expect(value).toBeCloseTo(taken[name]![i]!, 5);
      }
    }
    tf.dispose(gradients);
    expect(tf.memory().numTensors).toBe(before);
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });

  it("refuses what does not fit", () => {
    expect(() => muon({ momentum: 1 })).toThrow(/momentum/);
    expect(() => muon({ nesterov: 1 as never })).toThrow(ConfigError);
    expect(() => Optimizer.create(variables, scaleByMuon())).toThrow(/"bias" is shaped \[3\]; expected two dimensions/);
  });
});
