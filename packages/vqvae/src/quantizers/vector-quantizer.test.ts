import { Random } from "@mmgen/core";
import { variable } from "@mmgen/nn";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { VectorQuantizer, type VectorQuantizerOptions } from "./vector-quantizer.js";

beforeAll(() => tf.setBackend("cpu"));

const names = { codebook: "codebook", counts: "ema_count", sums: "ema_sum", initialized: "initialized" };
const config: VectorQuantizerOptions = {
  type: "vector",
  codebookSize: 4,
  codeDimension: 2,
  codebook: "ema",
  distance: "euclidean",
  start: "k-means",
  gradientEstimator: "straight-through",
  commitmentWeight: 0.25,
  emaDecay: 0.9,
  emaEpsilon: 1e-5,
  deadCodeThreshold: 0,
};
const rows = [
  [0, 0],
  [1, 0],
  [0, 1],
  [5, 5],
];
const latents = [
  [0.1, 0.2],
  [0.9, 0.1],
  [0.8, -0.1],
  [0.2, 0.9],
  [0, 0],
];
const nearest = [0, 1, 1, 2, 0];

/** Variables of a quantizer whose rows are the ones above, each counted `count` times so far. */
function weightsOf(options: VectorQuantizerOptions = {}, count = 2) {
  const quantizer = new VectorQuantizer({ ...config, ...options }).initializeWeights(Random.fromSeed(1));
  const weights = new Map([...quantizer.parameters, ...quantizer.buffers]);
  tf.tidy(() => {
    weights.get(names.codebook)!.assign(tf.tensor2d(rows));
    weights.get(names.counts)!.assign(tf.fill([4], count));
    weights.get(names.sums)?.assign(tf.mul(tf.tensor2d(rows), count));
  });
  return { quantizer, weights };
}
const auxiliary = () => ({
  latents: tf.tensor2d(latents),
  codes: tf.tensor1d(nearest, "int32"),
});
const flat = (tensor: tf.Tensor) => [...tensor.dataSync()];
const meanSquare = latents.flat().reduce((sum, z, i) => sum + (z - rows[nearest[i >> 1]!]![i % 2]!) ** 2, 0) / 10;

describe("codes and vectors", () => {
  it("take the nearest row, by plain distances", () => {
    const random = Random.fromSeed(9);
    const [z, e] = [random.normals(50 * 6), random.normals(20 * 6)];
    const quantizer = new VectorQuantizer({ ...config, codebookSize: 20, codeDimension: 6 }).initializeWeights(
      Random.fromSeed(1),
    );
    tf.tidy(() => quantizer.buffers.get(names.codebook)!.assign(tf.tensor2d(e, [20, 6])));
    const distance = (row: number, code: number) =>
      Array.from({ length: 6 }, (_, i) => (z[row * 6 + i]! - e[code * 6 + i]!) ** 2).reduce((a, b) => a + b);
    const expected = Array.from({ length: 50 }, (_, row) => {
      const distances = Array.from({ length: 20 }, (_, code) => distance(row, code));
      return distances.indexOf(Math.min(...distances));
    });
    const codes = quantizer.codes(tf.tensor2d(z, [50, 6]));
    expect(codes.shape).toEqual([50]);
    expect(flat(codes)).toEqual(expected);
    expect(flat(quantizer.vectors(codes)).slice(0, 6)).toEqual([...e.subarray(expected[0]! * 6, expected[0]! * 6 + 6)]);
  });
});

describe("losses", () => {
  it("are the commitment alone for an EMA codebook", () => {
    const { quantizer } = weightsOf();
    const { loss, metrics, aux, quantized } = quantizer.quantize(tf.tensor2d(latents));
    expect(Object.keys(metrics)).toEqual(["commitment", "perplexity"]);
    expect(metrics.commitment!.dataSync()[0]).toBeCloseTo(meanSquare, 6);
    expect(loss.dataSync()[0]).toBeCloseTo(0.25 * meanSquare, 6);
    expect(flat(aux.codes!)).toEqual(nearest);
    expect(flat(quantized)).toEqual(nearest.flatMap((code) => rows[code]!));
    expect(metrics.perplexity!.dataSync()[0]).toBeCloseTo(4, 4);
  });

  it("add the codebook's for a gradient codebook, each with its own gradient", () => {
    const { quantizer, weights } = weightsOf({ codebook: "gradient" });
    const codebook = weights.get(names.codebook)!;
    const z = variable(() => tf.tensor2d(latents));
    const { value, grads } = tf.variableGrads(() => quantizer.quantize(z as never).loss, [z, codebook]);
    expect(value.dataSync()[0]).toBeCloseTo(1.25 * meanSquare, 6);
    // The encoder's term pulls with β only, the codebook's with weight 1: a leak of either shows in both gradients.
    flat(grads[z.name]!).forEach((gradient, i) => {
      const difference = latents.flat()[i]! - rows[nearest[i >> 1]!]![i % 2]!;
      expect(gradient).toBeCloseTo((0.25 * 2 * difference) / 10, 6);
    });
    const expected = new Array(8).fill(0);
    latents.flat().forEach((value, i) => {
      const at = nearest[i >> 1]! * 2 + (i % 2);
      expected[at] += (2 * (rows.flat()[at]! - value)) / 10;
    });
    flat(grads[codebook.name]!).forEach((gradient, i) => {
      expect(gradient).toBeCloseTo(expected[i], 6);
    });
  });

  it("let the decoder's gradient straight through to the latents, and none to the codebook", () => {
    for (const codebook of ["ema", "gradient"] as const) {
      const { quantizer, weights } = weightsOf({ codebook });
      const factors = tf.tensor2d([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], [5, 2]);
      const z = variable(() => tf.tensor2d(latents));
      const decoded = () => tf.sum(tf.mul(quantizer.quantize(z as never).quantized, factors)) as tf.Scalar;
      const { grads } = tf.variableGrads(decoded, [z, weights.get(names.codebook)!]);
      expect(flat(grads[z.name]!)).toEqual(flat(factors));
      expect(grads[weights.get(names.codebook)!.name]).toBeFalsy();
    }
  });
});

describe("the EMA codebook", () => {
  it("follows the plain formulas", () => {
    const { quantizer, weights } = weightsOf();
    const aux = auxiliary();
    quantizer.afterStep(aux, Random.fromSeed(1));
    const counts = rows.map((_, code) => 0.9 * 2 + 0.1 * nearest.filter((other) => other === code).length);
    const total = counts.reduce((a, b) => a + b);
    rows.forEach((row, code) => {
      const smoothed = ((counts[code]! + 1e-5) / (total + 4e-5)) * total;
      row.forEach((value, axis) => {
        const batch = latents.filter((_, i) => nearest[i] === code).reduce((sum, z) => sum + z[axis]!, 0);
        const sum = 0.9 * 2 * value + 0.1 * batch;
        expect(flat(weights.get(names.sums)!)[code * 2 + axis]).toBeCloseTo(sum, 5);
        expect(flat(weights.get(names.codebook)!)[code * 2 + axis]).toBeCloseTo(sum / smoothed, 5);
      });
    });
    flat(weights.get(names.counts)!).forEach((count, code) => {
      expect(count).toBeCloseTo(counts[code]!, 5);
    });
  });
});

describe("dead codes", () => {
  for (const codebook of ["ema", "gradient"] as const) {
    it(`move to latents of the batch, and only they: ${codebook}`, () => {
      // Counts after the step are 0.9·1 + 0.1·c: only the last code, never taken, falls under 0.76 of 5 latents / 4 codes.
      const { quantizer, weights } = weightsOf({ codebook, deadCodeThreshold: 0.76 }, 1);
      const aux = auxiliary();
      const before = tf.memory().numTensors;
      quantizer.afterStep(aux, Random.fromSeed(1));
      expect(tf.memory().numTensors).toBe(before);
      const moved = flat(weights.get(names.codebook)!);
      const close = (row: number[]) => row.every((value, axis) => Math.abs(value - moved[6 + axis]!) < 1e-4);
      expect(latents.some(close)).toBe(true);
      // The rest of the rows stay near where they were: within what one step of the mean can move them.
      moved.slice(0, 6).forEach((value, i) => {
        expect(Math.abs(value - rows.flat()[i]!)).toBeLessThan(0.2);
      });
      expect(flat(weights.get(names.counts)!)[3]).toBeCloseTo(0.95, 6);
    });
  }

  it("stay where they are when the threshold is 0", () => {
    const { quantizer, weights } = weightsOf({ codebook: "gradient" }, 0);
    quantizer.afterStep(auxiliary(), Random.fromSeed(1));
    expect(flat(weights.get(names.codebook)!)).toEqual(rows.flat());
  });
});

describe("the start", () => {
  it("sets codebook, counts and sums from the clusters of the first latents", async () => {
    const { quantizer, weights } = weightsOf();
    const random = Random.fromSeed(2);
    const centers = [
      [-9, 0],
      [9, 0],
      [0, 9],
      [0, -9],
    ];
    const spread = Float32Array.from({ length: 200 }, (_, i) => centers[(i >> 1) % 4]![i % 2]! + 0.1 * random.normal());
    await quantizer.initialize(tf.tensor2d(spread, [100, 2]), random);
    const found = flat(weights.get(names.codebook)!);
    for (const [x, y] of centers as [number, number][]) {
      expect([0, 2, 4, 6].some((i) => Math.hypot(found[i]! - x, found[i + 1]! - y) < 0.2)).toBe(true);
    }
    expect(flat(weights.get(names.counts)!)).toEqual([25, 25, 25, 25]);
    flat(weights.get(names.sums)!).forEach((sum, i) => {
      expect(sum).toBeCloseTo(25 * found[i]!, 3);
    });
    expect(flat(weights.get(names.initialized)!)).toEqual([1]);
  });

  it("leaves a uniform codebook as it is, within ±1/K", async () => {
    const quantizer = new VectorQuantizer({ ...config, start: "uniform" }).initializeWeights(Random.fromSeed(1));
    const weights = new Map([...quantizer.parameters, ...quantizer.buffers]);
    const before = flat(weights.get(names.codebook)!);
    await quantizer.initialize(tf.tensor2d(latents), Random.fromSeed(2));
    expect(flat(weights.get(names.codebook)!)).toEqual(before);
    expect(flat(weights.get(names.sums)!)).toEqual(before);
    expect(Math.max(...before.map(Math.abs))).toBeLessThanOrEqual(0.25);
    expect(flat(weights.get(names.initialized)!)).toEqual([1]);
  });
});
