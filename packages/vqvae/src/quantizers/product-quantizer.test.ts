import { Random } from "@mmgen/core";
import { variable } from "@mmgen/nn";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { VqVae } from "../index.js";
import { ProductQuantizer, type ProductQuantizerOptions } from "./product-quantizer.js";

beforeAll(() => tf.setBackend("cpu"));

const size = { chunks: 3, codebookSize: 4, codeDimension: 2 };
const random = Random.fromSeed(4);
const z = random.normals(7 * 6);
const latents = () => tf.tensor2d(z, [7, 6]);
const flat = (tensor: tf.Tensor) => [...tensor.dataSync()];

function make(options: ProductQuantizerOptions) {
  const quantizer = new ProductQuantizer({ ...size, ...options }).initializeWeights(Random.fromSeed(1));
  const weights = new Map([...quantizer.parameters, ...quantizer.buffers]);
  const names = [...weights.keys()].filter((name) => name.endsWith("codebook"));
  names.forEach((name, i) => {
    tf.tidy(() => weights.get(name)!.assign(tf.tensor2d(Random.fromSeed(10 + i).normals(8), [4, 2])));
  });
  const codebookOf = (chunk: number) => flat(weights.get(names[names.length === 1 ? 0 : chunk]!)!);
  return { quantizer, weights, names, codebookOf };
}

function nearestPlainly(row: number, chunk: number, codebook: number[]): number {
  const distance = (code: number) =>
    [0, 1].reduce((sum, axis) => sum + (z[row * 6 + chunk * 2 + axis]! - codebook[code * 2 + axis]!) ** 2, 0);
  return [0, 1, 2, 3].reduce((best, code) => (distance(code) < distance(best) ? code : best), 0);
}

for (const sharedCodebook of [true, false]) {
  describe(sharedCodebook ? "one codebook for all chunks" : "a codebook for each chunk", () => {
    it("has that many", () => {
      expect(make({ sharedCodebook }).names.length).toBe(sharedCodebook ? 1 : 3);
    });

    it("codes each chunk by its nearest row, and back", () => {
      const { quantizer, codebookOf } = make({ sharedCodebook });
      const codes = quantizer.codes(latents());
      const expected = Array.from({ length: 7 }, (_, row) =>
        [0, 1, 2].map((c) => nearestPlainly(row, c, codebookOf(c))),
      );
      expect(codes.arraySync()).toEqual(expected);
      const vectors = expected.map((row) => row.flatMap((code, c) => codebookOf(c).slice(code * 2, code * 2 + 2)));
      expect(quantizer.vectors(codes).arraySync()).toEqual(vectors);
      expect(quantizer.quantize(latents()).quantized.arraySync()).toEqual(vectors);
    });

    it("has the mean losses over all values, and the decoder's gradient straight through", () => {
      const { quantizer } = make({ sharedCodebook, codebook: "gradient" });
      const input = variable(() => latents());
      const { metrics, loss } = quantizer.quantize(input as never);
      const vectors = flat(quantizer.vectors(quantizer.codes(latents())));
      const meanSquare = vectors.reduce((sum, e, i) => sum + (e - z[i]!) ** 2, 0) / vectors.length;
      expect(metrics.commitment!.dataSync()[0]).toBeCloseTo(meanSquare, 5);
      expect(metrics.codebook!.dataSync()[0]).toBeCloseTo(meanSquare, 5);
      expect(loss.dataSync()[0]).toBeCloseTo(1.25 * meanSquare, 5);
      const factors = tf.tensor2d(random.normals(42), [7, 6]);
      const decoded = () => tf.sum(tf.mul(quantizer.quantize(input as never).quantized, factors)) as tf.Scalar;
      expect(flat(tf.variableGrads(decoded, [input]).grads[input.name]!)).toEqual(flat(factors));
      const lossGradient = tf.variableGrads(() => quantizer.quantize(input as never).loss, [input]).grads;
      flat(lossGradient[input.name]!).forEach((gradient, i) => {
        expect(gradient).toBeCloseTo((0.25 * 2 * (z[i]! - vectors[i]!)) / 42, 6);
      });
    });

    it("starts from clusters of its chunks, once, and keeps learning", async () => {
      const { quantizer, weights, names, codebookOf } = make({ sharedCodebook });
      // Chunk c of every latent is one of two points near 10·(c + 1): whoever shares a codebook sees six.
      const points = Array.from({ length: 40 }, (_, i) => [0, 1, 2].flatMap((c) => [10 * (c + 1), (i % 2) * 5])).flat();
      const first = tf.tensor2d(points, [40, 6]);
      const before = tf.memory().numTensors;
      await quantizer.initialize(first, Random.fromSeed(2));
      expect(tf.memory().numTensors).toBe(before);
      const found = codebookOf(2);
      if (!sharedCodebook) {
        for (let code = 0; code < 4; code++) {
          expect(found[code * 2]).toBeCloseTo(30, 4);
        }
      }
      await quantizer.initialize(latents(), Random.fromSeed(3));
      expect(codebookOf(2)).toEqual(found);
      const { aux } = quantizer.quantize(first);
      quantizer.afterStep(aux, Random.fromSeed(5));
      const counts = names.map((name) => flat(weights.get(name.replace("codebook", "ema_count"))!));
      // A codebook counts every chunk that it serves: a running count that starts at the batch stays at the batch,
      // but for the codes that no vector took, which are dead and wait at 0.3 of an equal share.
      for (const each of counts) {
        const served = sharedCodebook ? 120 : 40;
        const taken = each.filter((count) => Math.abs(count - (0.3 * served) / 4) > 1e-3);
        expect(taken.reduce((a, b) => a + b)).toBeCloseTo(served, 3);
      }
    });
  });
}

describe("in a convolutional network", () => {
  it("gives codes by row, column, then chunk", async () => {
    const options = { type: "product", chunks: 3, codebookSize: 4, codeDimension: 2 } as const;
    using model = VqVae.create(
      { imageSide: 8, channels: 1, network: { hiddenChannels: 4, residualBlocks: 0 }, quantizer: options },
      { random: Random.fromSeed(1) },
    );
    const data = Uint8Array.from({ length: 5 * 64 }, () => random.integer(4));
    const images = { data, count: 5, height: 8, width: 8, channels: 1, maxValue: 3 };
    await model.initialize(images, Random.fromSeed(1));
    expect(model.codeGrid).toEqual({ height: 2, width: 6 });
    const [latents, codes] = [await model.latents(images), await model.encode(images)];
    expect(latents).toMatchObject({ count: 5, height: 2, width: 2, dimension: 6 });
    codes.data.forEach((code, at) => {
      const chunk = at % 3;
      const rows = model.buffers.get(`quantizer.chunks.${chunk}.codebook`)!.arraySync() as number[][];
      const part = latents.data.subarray(at * 2, at * 2 + 2);
      const distances = rows.map((row) => (row[0]! - part[0]!) ** 2 + (row[1]! - part[1]!) ** 2);
      expect(distances[code]).toBeCloseTo(Math.min(...distances), 5);
    });
    using loaded = VqVae.fromSafetensors(await model.toSafetensors());
    expect(await loaded.encode(images)).toEqual(codes);
    expect(await loaded.toSafetensors()).toEqual(await model.toSafetensors());
  });
});
