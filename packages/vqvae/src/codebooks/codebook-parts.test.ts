import "@tensorflow/tfjs-backend-cpu";
import { ConfigError, Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { createQuantizer, type QuantizerOptions } from "../quantizers/create-quantizer.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

/** More codes than latents: some are dead after every step. */
const sizes = { codebookSize: 24, codeDimension: 4, start: "uniform", emaDecay: 0.5, deadCodeThreshold: 0.6 } as const;
const kinds: [string, QuantizerOptions][] = [
  ["EMA", { type: "vector", codebook: "ema", ...sizes }],
  ["EMA, cosine", { type: "vector", codebook: "ema", distance: "cosine", ...sizes }],
  ["gradient", { type: "vector", codebook: "gradient", ...sizes }],
  ["residual", { type: "residual", stages: 2, ...sizes }],
  ["product", { type: "product", chunks: 2, ...sizes, codeDimension: 2 }],
  ["product of one codebook", { type: "product", chunks: 2, sharedCodebook: true, ...sizes, codeDimension: 2 }],
  ["finite scalar", { type: "fsq", levels: [3, 3, 3, 3] }],
];
const latents = () => tf.tensor2d(Random.fromSeed(5).normals(12 * 4), [12, 4]);

function create(options: QuantizerOptions) {
  return createQuantizer(options).initializeWeights(Random.fromSeed(1));
}

async function valuesOf(quantizer: ReturnType<typeof create>) {
  const values: Record<string, number[]> = {};
  for (const [name, variable] of [...quantizer.parameters, ...quantizer.buffers]) {
    values[name] = [...(await variable.data())];
  }
  return values;
}

describe("sums over the parts of a step", () => {
  it.each(kinds)("update a quantizer (%s) as the whole batch does, dead codes included", async (_, options) => {
    const [whole, divided] = [create(options), create(options)];
    const random = () => Random.fromSeed(9);
    tf.tidy(() => {
      whole.afterStep(whole.quantize(latents()).aux, random());
      const parts = tf.split(latents(), 3).map((rows, part) => {
        const { aux } = divided.quantize(rows);
        return divided.partSums(aux, { part, parts: 3, random: random(), statistics: "mean" });
      });
      const names = Object.keys(parts[0]!);
      divided.afterParts(Object.fromEntries(names.map((name) => [name, tf.addN(parts.map((sums) => sums[name]!))])));
    });
    const [expected, found] = [await valuesOf(whole), await valuesOf(divided)];
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    for (const [name, values] of Object.entries(expected)) {
      // Sums in another order, of a dozen numbers of the order of 1.
      values.forEach((value, i) => {
        expect(Math.abs(found[name]![i]! - value), `${name} ${i}`).toBeLessThan(2e-6);
      });
    }
    if (options.type !== "fsq") {
      const before = create(options);
      expect(await valuesOf(before)).not.toEqual(expected);
      before.dispose();
    }
    whole.dispose();
    divided.dispose();
  });

  it("are refused under a mask where dead codes move", () => {
    const quantizer = create({ type: "vector", codebook: "ema", ...sizes });
    tf.tidy(() => {
      const { aux } = quantizer.quantize(latents(), { mask: tf.ones([12]) });
      const part = { part: 0, parts: 2, random: Random.fromSeed(1), statistics: "mean" } as const;
      expect(() => quantizer.partSums(aux, part)).toThrow(ConfigError);
    });
    quantizer.dispose();
  });
});
