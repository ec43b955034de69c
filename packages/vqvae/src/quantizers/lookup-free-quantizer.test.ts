import { Random } from "@mmgen/core";
import { variable } from "@mmgen/nn";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { LookupFreeQuantizer, type LookupFreeQuantizerOptions } from "./lookup-free-quantizer.js";

beforeAll(() => tf.setBackend("cpu"));

const make = (options: LookupFreeQuantizerOptions = {}) =>
  new LookupFreeQuantizer({ type: "lfq", ...options }).initializeWeights(Random.fromSeed(1));

/** Both entropies by the definition: p over all sign vectors, softmax of −τ times the squared distances. */
function entropiesPlainly(z: readonly number[][], inverseTemperature: number) {
  const bits = z[0]!.length;
  const vectors = Array.from({ length: 2 ** bits }, (_, code) =>
    Array.from({ length: bits }, (_, i) => ((code >> i) & 1) * 2 - 1),
  );
  const entropy = (p: readonly number[]) =>
    -p.reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0);
  const each = z.map((latent) => {
    const logits = vectors.map(
      (c) => -inverseTemperature * c.reduce((sum, sign, i) => sum + (latent[i]! - sign) ** 2, 0),
    );
    const max = Math.max(...logits);
    const odds = logits.map((logit) => Math.exp(logit - max));
    const total = odds.reduce((a, b) => a + b);
    return odds.map((odd) => odd / total);
  });
  const mean = vectors.map((_, code) => each.reduce((sum, p) => sum + p[code]!, 0) / z.length);
  return { sample: each.reduce((sum, p) => sum + entropy(p), 0) / z.length, codebook: entropy(mean) };
}

const latents = (count: number, bits: number, deviation: number, seed = 1) =>
  Array.from({ length: count }, (_, i) => Array.from(Random.fromSeed(seed * 1000 + i).normals(bits, deviation)));

describe("lookup-free quantizer", () => {
  it("round-trips every code, and codes the signs", () => {
    for (const bits of [1, 2, 7, 12]) {
      const quantizer = make({ bits });
      expect([quantizer.codebookSize, quantizer.latentDimension]).toEqual([2 ** bits, bits]);
      const all = tf.tensor1d(
        Int32Array.from({ length: 2 ** bits }, (_, i) => i),
        "int32",
      );
      const vectors = quantizer.vectors(all);
      expect(new Set(vectors.dataSync())).toEqual(new Set([-1, 1]));
      expect(quantizer.codes(vectors).dataSync()).toEqual(all.dataSync());
      expect(quantizer.codes(tf.mul(vectors, 0.01)).dataSync()).toEqual(all.dataSync());
    }
    expect(
      make({ bits: 3 })
        .codes(tf.tensor2d([[0.1, -2, 3]]))
        .arraySync(),
    ).toEqual([5]);
  });

  for (const [bits, inverseTemperature, deviation] of [
    [1, 100, 0.02],
    [5, 100, 0.01],
    [6, 1, 1],
    [7, 100, 1],
  ] as const) {
    it(`has the entropies of their definition: ${bits} bits, τ ${inverseTemperature}, latents of ${deviation}`, () => {
      const z = latents(20, bits, deviation);
      const { loss, metrics } = make({ bits, inverseTemperature }).quantize(tf.tensor2d(z));
      const expected = entropiesPlainly(z, inverseTemperature);
      const value = (name: string) => metrics[name]!.dataSync()[0]!;
      expect(value("sampleEntropy")).toBeCloseTo(expected.sample, 4);
      expect(value("codebookEntropy")).toBeCloseTo(expected.codebook, 4);
      const commitment = z.flat().reduce((sum, x) => sum + (x - (x > 0 ? 1 : -1)) ** 2, 0) / (20 * bits);
      expect(value("commitment")).toBeCloseTo(commitment, 5);
      const total = 0.25 * commitment + 0.1 * (expected.sample - expected.codebook);
      expect(loss.dataSync()[0]).toBeCloseTo(total, 4);
    });
  }

  it("has the gradient of its loss, against finite differences of the definition", () => {
    const z = latents(4, 3, 0.5);
    const quantizer = make({ bits: 3, inverseTemperature: 1 });
    const gradient = tf
      .grad((x) => quantizer.quantize(x as tf.Tensor2D).loss)(tf.tensor2d(z))
      .dataSync();
    const plainly = (of: number[][]) => {
      const { sample, codebook } = entropiesPlainly(of, 1);
      const commitment = of.flat().reduce((sum, x) => sum + (x - (x > 0 ? 1 : -1)) ** 2, 0) / 12;
      return 0.25 * commitment + 0.1 * (sample - codebook);
    };
    z.flat().forEach((_, at) => {
      const moved = (by: number) => z.map((row, i) => row.map((x, j) => (i * 3 + j === at ? x + by : x)));
      expect(gradient[at]).toBeCloseTo((plainly(moved(1e-5)) - plainly(moved(-1e-5))) / 2e-5, 4);
    });
  });

  it("shows the decoder the signs, and lets its gradient straight through", () => {
    const z = latents(5, 4, 1);
    const input = variable(() => tf.tensor2d(z));
    const factors = tf.tensor2d(Random.fromSeed(5).normals(20), [5, 4]);
    const { quantized } = make({ bits: 4 }).quantize(input as never);
    expect(quantized.arraySync()).toEqual(z.map((row) => row.map((x) => (x > 0 ? 1 : -1))));
    const decoded = () => tf.sum(tf.mul(make({ bits: 4 }).quantize(input as never).quantized, factors)) as tf.Scalar;
    expect([...tf.variableGrads(decoded, [input]).grads[input.name]!.dataSync()]).toEqual([...factors.dataSync()]);
  });

  it("refuses what is out of range", () => {
    expect(() => new LookupFreeQuantizer({ type: "lfq", bits: 21 })).toThrow(
      "bits: expected a whole number from 1 to 20",
    );
    expect(() => new LookupFreeQuantizer({ type: "lfq", entropyWeight: -1 })).toThrow("entropyWeight");
    expect(() => new LookupFreeQuantizer({ type: "lfq", inverseTemperature: Number.NaN })).toThrow(
      "inverseTemperature",
    );
    expect(() => new LookupFreeQuantizer({ type: "lfq", start: "k-means" } as never)).toThrow(
      '"lfq" has no such field',
    );
  });
});
