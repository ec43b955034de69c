import { Random } from "@mmgen/core";
import { variable } from "@mmgen/nn";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { VectorQuantizer, type VectorQuantizerOptions } from "./vector-quantizer.js";

beforeAll(() => tf.setBackend("cpu"));

const names = { codebook: "codebook", counts: "ema_count", sums: "ema_sum", initialized: "initialized" };
const random = Random.fromSeed(3);
const [count, dimension, codebookSize] = [12, 3, 5];
const z = Array.from({ length: count }, () => Array.from(random.normals(dimension)));
const rows = Array.from({ length: codebookSize }, () => Array.from(random.normals(dimension)));
const unit = (vector: readonly number[]) => vector.map((value) => value / Math.hypot(...vector));
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const nearest = z.map((latent) => {
  const cosines = rows.map((row) => dot(unit(latent), unit(row)));
  return cosines.indexOf(Math.max(...cosines));
});
const flat = (tensor: tf.Tensor) => [...tensor.dataSync()];
const lengths = (values: readonly number[]) =>
  Array.from({ length: values.length / dimension }, (_, i) =>
    Math.hypot(...values.slice(i * dimension, (i + 1) * dimension)),
  );

function make(options: VectorQuantizerOptions = {}) {
  const size = { codebookSize, codeDimension: dimension, distance: "cosine", deadCodeThreshold: 0 } as const;
  const quantizer = new VectorQuantizer({ ...size, ...options }).initializeWeights(Random.fromSeed(1));
  const weights = new Map([...quantizer.parameters, ...quantizer.buffers]);
  tf.tidy(() => weights.get(names.codebook)!.assign(tf.tensor2d(rows.slice(0, options.codebookSize))));
  return { quantizer, weights };
}

describe("a cosine codebook", () => {
  it("takes the row at the least angle, whatever the lengths, and gives it at length 1", () => {
    const { quantizer } = make();
    for (const scale of [1, 1e-3, 100]) {
      const codes = quantizer.codes(tf.mul(tf.tensor2d(z), scale));
      expect(flat(codes)).toEqual(nearest);
    }
    const vectors = flat(quantizer.vectors(tf.tensor1d(nearest, "int32")));
    nearest
      .flatMap((code) => unit(rows[code]!))
      .forEach((value, i) => {
        expect(vectors[i]).toBeCloseTo(value, 5);
      });
  });

  it("has losses of unit vectors, with the gradients of both, against finite differences", () => {
    const { quantizer, weights } = make({ codebook: "gradient", commitmentWeight: 0.5 });
    const input = variable(() => tf.tensor2d(z));
    const book = weights.get(names.codebook)!;
    const { value, grads } = tf.variableGrads(() => quantizer.quantize(input as never).loss, [input, book]);
    const meanSquare = (latents: number[][], codebook: number[][]) =>
      latents.reduce(
        (sum, latent, i) => sum + unit(latent).reduce((s, x, j) => s + (x - unit(codebook[nearest[i]!]!)[j]!) ** 2, 0),
        0,
      ) /
      (count * dimension);
    expect(value.dataSync()[0]).toBeCloseTo(1.5 * meanSquare(z, rows), 5);
    const moved = (of: number[][], at: number, by: number) =>
      of.map((row, i) => row.map((x, j) => (i * dimension + j === at ? x + by : x)));
    flat(grads[input.name]!).forEach((gradient, at) => {
      const difference = meanSquare(moved(z, at, 1e-5), rows) - meanSquare(moved(z, at, -1e-5), rows);
      expect(gradient).toBeCloseTo((0.5 * difference) / 2e-5, 5);
    });
    flat(grads[book.name]!).forEach((gradient, at) => {
      const difference = meanSquare(z, moved(rows, at, 1e-5)) - meanSquare(z, moved(rows, at, -1e-5));
      expect(gradient).toBeCloseTo(difference / 2e-5, 5);
    });
  });

  it("lets the decoder's gradient through the normalization: none along the latent", () => {
    for (const gradientEstimator of ["straight-through", "rotation"] as const) {
      const { quantizer } = make({ gradientEstimator });
      const input = variable(() => tf.tensor2d(z));
      const factors = tf.tensor2d(Random.fromSeed(4).normals(count * dimension), [count, dimension]);
      const decoded = () => tf.sum(tf.mul(quantizer.quantize(input as never).quantized, factors)) as tf.Scalar;
      const gradient = flat(tf.variableGrads(decoded, [input]).grads[input.name]!);
      z.forEach((latent, i) => {
        const ofLatent = gradient.slice(i * dimension, (i + 1) * dimension);
        expect(Math.hypot(...ofLatent)).toBeGreaterThan(1e-3);
        expect(Math.abs(dot(ofLatent, unit(latent)))).toBeLessThan(1e-5);
      });
    }
  });

  it("follows the mean of its unit latents, brought back to length 1", () => {
    const { quantizer, weights } = make({ emaDecay: 0.9 });
    const unitRows = rows.map(unit);
    tf.tidy(() => {
      weights.get(names.codebook)!.assign(tf.tensor2d(unitRows));
      weights.get(names.sums)!.assign(tf.tensor2d(unitRows));
    });
    const { aux } = quantizer.quantize(tf.tensor2d(z));
    quantizer.afterStep(aux, Random.fromSeed(1));
    const expected = unitRows.map((row, code) => {
      const ofCode = z.filter((_, i) => nearest[i] === code).map(unit);
      return unit(row.map((value, i) => 0.9 * value + 0.1 * ofCode.reduce((sum, latent) => sum + latent[i]!, 0)));
    });
    flat(weights.get(names.codebook)!).forEach((value, i) => {
      expect(value).toBeCloseTo(expected.flat()[i]!, 5);
    });
  });

  it("starts from clusters of directions, and revives dead rows from unit latents", async () => {
    const { quantizer, weights } = make({ codebookSize: 3, deadCodeThreshold: 1 });
    // Three directions, at lengths from 1 to 40.
    const spread = Array.from({ length: 60 }, (_, i) =>
      [0, 1, 2].map((axis) => (1 + (i % 40)) * ((axis === i % 3 ? 1 : 0) + 0.02 * random.normal())),
    );
    await quantizer.initialize(tf.tensor2d(spread), Random.fromSeed(2));
    const found = flat(weights.get(names.codebook)!);
    for (const length of lengths(found)) {
      expect(length).toBeCloseTo(1, 5);
    }
    expect(
      [0, 1, 2].map((axis) => Math.max(found[axis]!, found[3 + axis]!, found[6 + axis]!)).every((x) => x > 0.99),
    ).toBe(true);
    // All latents in one direction: two rows die, and move to it.
    const aux = quantizer.quantize(tf.tensor2d(spread.filter((_, i) => i % 3 === 0))).aux;
    for (let step = 0; step < 300; step++) {
      quantizer.afterStep(aux, Random.fromSeed(step));
    }
    const moved = flat(weights.get(names.codebook)!);
    for (const length of lengths(moved)) {
      expect(length).toBeCloseTo(1, 5);
    }
    expect([0, 3, 6].every((at) => moved[at]! > 0.99)).toBe(true);
  });
});
