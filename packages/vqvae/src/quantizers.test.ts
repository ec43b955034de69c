import { CheckpointError, ConfigError, MmgenError, Random, ShapeError } from "@mmgen/core";
import { variable } from "@mmgen/nn";
import {
  createQuantizer,
  loadQuantizer,
  type Quantizer,
  type QuantizerOptions,
  saveQuantizer,
} from "@mmgen/vqvae/quantizers";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(() => tf.setBackend("cpu"));

const size = { codebookSize: 8, codeDimension: 4 };
const quantizers: Readonly<Record<string, readonly [QuantizerOptions, codeShape: readonly number[]]>> = {
  "vector, EMA": [size, []],
  "vector, gradient, rotation": [{ ...size, codebook: "gradient", gradientEstimator: "rotation" }, []],
  "vector, cosine, EMA": [{ ...size, distance: "cosine" }, []],
  "vector, cosine, gradient": [{ ...size, distance: "cosine", codebook: "gradient" }, []],
  "vector, EMA, entropy loss": [{ ...size, entropyWeight: 0.1, entropyTemperature: 0.5 }, []],
  "vector, index": [{ ...size, codebook: "index", entropyTemperature: 0.5 }, []],
  "vector, cosine, index": [{ ...size, codebook: "index", distance: "cosine", start: "normal", entropyWeight: 0 }, []],
  "vector, simvq": [{ ...size, codebook: "simvq" }, []],
  product: [{ type: "product", ...size, codeDimension: 2, chunks: 2 }, [2]],
  "product, shared": [{ type: "product", ...size, codeDimension: 2, chunks: 2, sharedCodebook: true }, [2]],
  "product, shared, index": [
    { type: "product", ...size, codeDimension: 2, chunks: 2, sharedCodebook: true, codebook: "index" },
    [2],
  ],
  residual: [{ type: "residual", ...size, stages: 3 }, [3]],
  "residual, simvq, entropy loss": [
    { type: "residual", ...size, stages: 2, codebook: "simvq", entropyWeight: 0.1, entropyTemperature: 0.5 },
    [2],
  ],
  "residual, gradient": [{ type: "residual", ...size, stages: 2, codebook: "gradient" }, [2]],
  fsq: [{ type: "fsq", levels: [5, 4, 3, 3] }, []],
  lfq: [{ type: "lfq", bits: 4, inverseTemperature: 10 }, []],
};

const create = (options: QuantizerOptions, seed = 1) =>
  createQuantizer(options).initializeWeights(Random.fromSeed(seed));
const normals = (shape: number[], seed = 2): tf.Tensor =>
  tf.tensor(Random.fromSeed(seed).normals(shape.reduce((a, b) => a * b)), shape);
const flat = (tensor: tf.Tensor) => [...tensor.dataSync()];
const stateOf = (quantizer: Quantizer) =>
  Object.fromEntries([...quantizer.parameters, ...quantizer.buffers].map(([name, value]) => [name, flat(value)]));

/** Initializes and makes three steps on the same latents; returns losses, metrics, and the gradient of the latents. */
async function train(quantizer: Quantizer, latents: tf.Tensor, mask?: tf.Tensor) {
  const random = Random.fromSeed(7);
  await quantizer.initialize(latents, random, { mask });
  const results: Record<string, number[]>[] = [];
  const input = variable(() => tf.clone(latents));
  for (let step = 0; step < 3; step++) {
    let aux: tf.NamedTensorMap = {};
    const { value, grads } = tf.variableGrads(() => {
      const { loss, metrics, ...rest } = quantizer.quantize(input, { mask });
      aux = rest.aux;
      Object.values(aux).forEach(tf.keep);
      results.push(Object.fromEntries(Object.entries({ ...metrics }).map(([name, each]) => [name, flat(each)])));
      return tf.add(loss, tf.mul(0, tf.sum(rest.quantized)));
    }, [input]);
    results.push({ loss: flat(value), gradient: flat(grads[input.name]!) });
    quantizer.afterStep(aux, random.fork(step));
    tf.dispose([aux, value, grads]);
  }
  input.dispose();
  return results;
}

function expectClose(found: readonly number[], expected: readonly number[], name: string): void {
  expect(found.length, name).toBe(expected.length);
  found.forEach((value, i) => {
    // Sums of some dozen float32 products, in another order.
    expect(Math.abs(value - expected[i]!), name).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected[i]!)));
  });
}

for (const [name, [options, codeShape]] of Object.entries(quantizers)) {
  describe(`${name}, on its own`, () => {
    it("does the same to latents of any rank", async () => {
      const rows = normals([24, 4]);
      const expected = create(options);
      const results = await train(expected, rows);
      const codes = expected.codes(rows);
      expect(codes.shape).toEqual([24, ...codeShape]);
      expect(codes.dtype).toBe("int32");
      for (const shape of [[2, 3, 4], [24], [1, 2, 3, 2, 2]]) {
        const latents = tf.reshape(rows, [...shape, 4]);
        const quantizer = create(options);
        expect(await train(quantizer, latents)).toEqual(results);
        expect(stateOf(quantizer)).toEqual(stateOf(expected));
        const found = quantizer.codes(latents);
        expect(found.shape).toEqual([...shape, ...codeShape]);
        expect(flat(found)).toEqual(flat(codes));
        const vectors = quantizer.vectors(found);
        expect(vectors.shape).toEqual([...shape, 4]);
        const quantization = quantizer.quantize(latents);
        expect(quantization.quantized.shape).toEqual([...shape, 4]);
        expect(flat(quantization.codes)).toEqual(flat(codes));
        expect(quantization.codes.shape).toEqual(found.shape);
        expectClose(flat(vectors), flat(quantization.quantized), "vectors");
      }
    });

    it("learns under a mask as if the other rows were not there, whatever they hold", async () => {
      const rows = normals([6, 5, 4]);
      const keep = tf.tensor2d(
        Array.from({ length: 30 }, (_, i) => Number(i % 5 < 3 && i !== 11)),
        [6, 5],
        "int32",
      );
      const kept = flat(keep).flatMap((value, i) => (value === 1 ? [i] : []));
      const left = tf.gather(tf.reshape(rows, [30, 4]), kept);
      const garbage = tf.mul(1e3, normals([6, 5, 4], 9));
      const mask = tf.tile(tf.expandDims(tf.cast(keep, "bool"), -1), [1, 1, 4]);
      const masked = tf.where(mask, rows, garbage);
      const [found, expected] = [create(options), create(options)];
      const results = await train(found, masked, keep);
      const without = await train(expected, left);
      results.forEach((each, i) => {
        for (const [field, values] of Object.entries(each)) {
          if (field === "gradient") {
            const ofKept = kept.flatMap((row) => values.slice(4 * row, 4 * row + 4));
            expectClose(ofKept, without[i]!.gradient!, field);
            expect(values.filter((value) => value !== 0).length).toBeLessThanOrEqual(4 * kept.length);
          } else {
            expectClose(values, without[i]![field]!, field);
          }
        }
      });
      const state = stateOf(expected);
      for (const [weight, values] of Object.entries(stateOf(found))) {
        expectClose(values, state[weight]!, weight);
      }
    });

    it("takes a mask of ones as none, and none of the latents as no loss and no change", async () => {
      const latents = normals([3, 8, 4]);
      const [one, two] = [create(options), create(options)];
      const results = await train(one, latents, tf.ones([3, 8], "bool"));
      (await train(two, latents)).forEach((each, i) => {
        for (const [field, values] of Object.entries(each)) {
          expectClose(results[i]![field]!, values, field);
        }
      });
      const before = stateOf(one);
      const { loss, aux } = one.quantize(latents, { mask: tf.zeros([3, 8]) });
      expect(flat(loss)[0]).toBeCloseTo(0, 6);
      one.afterStep(aux, Random.fromSeed(1));
      for (const [weight, values] of Object.entries(stateOf(one))) {
        if (weight.endsWith("codebook")) {
          expectClose(values, before[weight]!, weight);
        }
      }
    });

    it("is saved and loaded, and goes on alike", async () => {
      const latents = normals([20, 4]);
      const quantizer = create(options);
      await train(quantizer, latents);
      const bytes = await saveQuantizer(quantizer);
      const loaded = loadQuantizer(bytes);
      expect(loaded.config).toEqual(quantizer.config);
      expect(loaded.constructor).toBe(quantizer.constructor);
      expect(await saveQuantizer(loaded)).toEqual(bytes);
      expect(await train(loaded, latents)).toEqual(await train(quantizer, latents));
    });

    it("leaves no tensor behind", async () => {
      const latents = normals([2, 10, 4]);
      const mask = tf.ones([2, 10], "bool");
      const before = tf.memory().numTensors;
      const quantizer = create(options);
      const held = tf.memory().numTensors;
      expect(held - before).toBe(quantizer.weights.size);
      await quantizer.initialize(latents, Random.fromSeed(1), { mask });
      await train(quantizer, latents, mask);
      await train(quantizer, latents);
      tf.dispose(quantizer.vectors(tf.tidy(() => quantizer.codes(latents))));
      expect(tf.memory().numTensors).toBe(held + 1); // the codes
      const { quantized, codes, loss, metrics, aux } = quantizer.quantize(latents, { mask });
      tf.dispose([quantized, codes, loss, metrics, aux]);
      expect(tf.memory().numTensors).toBe(held + 1);
      quantizer.dispose();
      quantizer.dispose();
      expect(tf.memory().numTensors).toBe(before + 1);
      expect(() => quantizer.codes(latents)).toThrow(MmgenError);
      expect(() => quantizer.codes(latents)).toThrow("has been disposed");
    });
  });
}

describe("quantizers on their own", () => {
  it("name what is wrong with latents, masks, codes and options", async () => {
    const quantizer = create(size);
    const latents = normals([2, 3, 4]);
    expect(() => quantizer.codes(normals([3, 5]))).toThrow(ShapeError);
    expect(() => quantizer.codes(normals([3, 5]))).toThrow("latents: expected […, 4], got [3, 5]");
    expect(() => quantizer.quantize(normals([0, 4]))).toThrow("latents: expected at least one vector to learn from");
    await expect(quantizer.initialize(normals([2, 0, 4]), Random.fromSeed(1))).rejects.toThrow(ShapeError);
    expect(quantizer.codes(normals([2, 0, 4])).shape).toEqual([2, 0]);
    expect(() => quantizer.quantize(latents, { mask: tf.ones([3, 2]) })).toThrow(
      "mask: expected [2, 3] (array), got [3, 2]",
    );
    await expect(quantizer.initialize(latents, Random.fromSeed(1), { mask: tf.zeros([2, 3]) })).rejects.toThrow(
      "at least one latent to start from, got none of 6",
    );
    const residual = create({ type: "residual", ...size, stages: 3 });
    expect(() => residual.vectors(tf.zeros([5, 2], "int32"))).toThrow("codes: expected […, 3], got [5, 2]");
    expect(() => createQuantizer({ codebooksize: 8 } as QuantizerOptions)).toThrow(ConfigError);
    expect(() => createQuantizer({ codebooksize: 8 } as QuantizerOptions)).toThrow('did you mean "codebookSize"?');
    const bytes = await saveQuantizer(quantizer);
    expect(() => loadQuantizer(bytes.subarray(0, 100))).toThrow(CheckpointError);
  });
});
