import "@mmgen/nn/gradients";
import { Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { FiniteScalarQuantizer } from "./finite-scalar-quantizer.js";

beforeAll(() => tf.setBackend("cpu"));

const make = (...levels: number[]) =>
  new FiniteScalarQuantizer({ type: "fsq", levels }).initializeWeights(Random.fromSeed(1));

/** The paper's bound, in double precision. */
function boundPlainly(z: number, levels: number): number {
  const halfWidth = ((levels - 1) * 1.001) / 2;
  const offset = levels % 2 === 0 ? 0.5 : 0;
  return Math.tanh(z + Math.atanh(offset / halfWidth)) * halfWidth - offset;
}

describe("finite scalar quantizer", () => {
  it("rounds to the paper's levels", () => {
    const levels = [8, 5, 2, 3];
    const quantizer = make(...levels);
    const z = Random.fromSeed(1).normals(400, 2);
    const input = tf.tensor2d(z, [100, 4]);
    const values = quantizer.quantize(input).quantized.dataSync();
    const codes = quantizer.codes(input).dataSync();
    for (let row = 0; row < 100; row++) {
      let [code, place] = [0, 1];
      levels.forEach((count, i) => {
        const rounded = Math.round(boundPlainly(z[row * 4 + i]!, count));
        expect(values[row * 4 + i]).toBeCloseTo(rounded / Math.floor(count / 2), 6);
        code += (rounded + Math.floor(count / 2)) * place;
        place *= count;
      });
      expect(codes[row]).toBe(code);
    }
    expect([quantizer.codebookSize, quantizer.latentDimension]).toEqual([240, 4]);
  });

  it("reaches every level of every count, the outermost too, and no other", () => {
    for (const count of [2, 3, 4, 5, 8, 255, 256]) {
      const quantizer = make(count);
      const sweep = tf.reshape(tf.linspace(-12, 12, 40_001), [-1, 1]) as tf.Tensor2D;
      const seen = new Set(quantizer.codes(sweep).dataSync());
      expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    }
  });

  it("round-trips every code", () => {
    for (const levels of [[8, 6, 5], [7, 5, 5, 5], [2], [256, 3], [4, 4, 4, 4, 4]]) {
      const quantizer = make(...levels);
      const size = levels.reduce((a, b) => a * b);
      const all = tf.tensor1d(
        Int32Array.from({ length: size }, (_, i) => i),
        "int32",
      );
      const vectors = quantizer.vectors(all);
      const distinct = new Set((vectors.arraySync() as number[][]).map((row) => row.join()));
      expect(distinct.size).toBe(size);
      // The latent that lies in the middle of its level: the bound, undone.
      const latents = (vectors.arraySync() as number[][]).map((row) =>
        row.map((value, i) => {
          const [count, halfWidth] = [levels[i]!, ((levels[i]! - 1) * 1.001) / 2];
          const offset = count % 2 === 0 ? 0.5 : 0;
          const inner = (value * Math.floor(count / 2) + offset) / halfWidth;
          return Math.atanh(inner) - Math.atanh(offset / halfWidth);
        }),
      );
      const codes = quantizer.codes(tf.tensor2d(latents));
      expect(codes.dtype).toBe("int32");
      expect(codes.dataSync()).toEqual(all.dataSync());
    }
  });

  it("has the gradient of the bound without its rounding, against finite differences", () => {
    const levels = [8, 5, 2];
    const quantizer = make(...levels);
    const z = Array.from(Random.fromSeed(2).normals(12));
    const factors = Array.from(Random.fromSeed(3).normals(12));
    const gradient = tf
      .grad((x) => tf.sum(tf.mul(quantizer.quantize(x as tf.Tensor2D).quantized, tf.tensor2d(factors, [4, 3]))))(
        tf.tensor2d(z, [4, 3]),
      )
      .dataSync();
    z.forEach((value, i) => {
      const smooth = (at: number) => (factors[i]! * boundPlainly(at, levels[i % 3]!)) / Math.floor(levels[i % 3]! / 2);
      expect(gradient[i]).toBeCloseTo((smooth(value + 1e-5) - smooth(value - 1e-5)) / 2e-5, 4);
    });
  });

  it("has no loss, no metrics and no state", async () => {
    const quantizer = make(8, 5);
    const { loss, metrics, aux } = quantizer.quantize(tf.zeros([2, 2]));
    expect(loss.dataSync()[0]).toBe(0);
    expect([metrics, aux, quantizer.weights]).toEqual([{}, {}, new Map()]);
    await quantizer.initialize(tf.zeros([2, 2]), Random.fromSeed(1));
  });

  it("refuses what it cannot count", () => {
    const resolve = (levels: unknown) => () => new FiniteScalarQuantizer({ type: "fsq", levels: levels as number[] });
    expect(resolve([])).toThrow("expected a list");
    expect(resolve(8)).toThrow("expected a list of at least 1 values, got 8 (number)");
    expect(resolve([8, 1])).toThrow("levels[1]");
    expect(resolve([257])).toThrow("from 2 to 256");
    expect(resolve(new Array(9).fill(8))).toThrow("at most 16777216 codes, got 134217728");
    expect(() => new FiniteScalarQuantizer({ type: "fsq", codebookSize: 8 } as never)).toThrow(
      '"fsq" has no such field; the known ones are type, levels.',
    );
  });
});
