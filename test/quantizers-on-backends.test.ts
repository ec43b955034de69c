import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { type ImageBatch, Random } from "@mmgen/core";
import { VqVae } from "@mmgen/vqvae";
import { VectorQuantizer } from "@mmgen/vqvae/quantizers";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";

registerOnnxBackend();

const side = 8;
const dimension = 8;
const codebookSize = 64;
const random = Random.fromSeed(1);
const images: ImageBatch = {
  data: Uint8Array.from({ length: 64 * side * side * 3 }, () => random.integer(4)),
  ...{ count: 64, height: side, width: side, channels: 3, maxValue: 3 },
};

/** In float64, row by row. */
function squaredDistance(a: Float32Array, i: number, b: Float32Array, j: number): number {
  let sum = 0;
  for (let axis = 0; axis < dimension; axis++) {
    sum += (a[i * dimension + axis]! - b[j * dimension + axis]!) ** 2;
  }
  return sum;
}

describe.each(["cpu", "wasm", "onnx"])("on %s", (backend) => {
  it.each([0, 100, 1000])("every latent gets its nearest row, at an offset of %i", async (offset) => {
    await tf.setBackend(backend);
    using model = VqVae.create(
      {
        ...{ imageSide: side, network: { hiddenChannels: 16, stages: 1, residualBlocks: 0 } },
        quantizer: { type: "vector", codebookSize, codeDimension: dimension },
      },
      { random: Random.fromSeed(2) },
    );
    const bias = model.parameters.get("encoder.projection.bias")!;
    tf.tidy(() => bias.assign(tf.fill(bias.shape, offset)));
    const { data: latents, count, height, width } = await model.latents(images);
    const vectors = count * height * width;
    expect(vectors).toBe(1024);
    const chosen = Random.fromSeed(3).permutation(vectors).subarray(0, codebookSize);
    const rows = new Float32Array(codebookSize * dimension);
    for (const [code, vector] of chosen.entries()) {
      rows.set(latents.subarray(vector * dimension, (vector + 1) * dimension), code * dimension);
    }
    tf.tidy(() => model.buffers.get("quantizer.codebook")!.assign(tf.tensor2d(rows, [codebookSize, dimension])));
    const codes = await model.encode(images);
    let wrong = 0;
    for (let vector = 0; vector < vectors; vector++) {
      let nearest = Number.POSITIVE_INFINITY;
      for (let code = 0; code < codebookSize; code++) {
        nearest = Math.min(nearest, squaredDistance(latents, vector, rows, code));
      }
      wrong += squaredDistance(latents, vector, rows, codes.data[vector]!) > nearest ? 1 : 0;
    }
    expect(wrong).toBe(0);
  });

  it.each(["euclidean", "cosine"] as const)("a codebook starts and moves as it should: %s", async (distance) => {
    const draw = Random.fromSeed(4);
    const latents = draw.normals(96 * dimension);
    const run = async (on: string) => {
      await tf.setBackend(on);
      using quantizer = new VectorQuantizer({
        ...{ codebookSize: 8, codeDimension: dimension, distance, emaDecay: 0.5 },
      }).initializeWeights(Random.fromSeed(5));
      const given = tf.tensor2d(latents, [96, dimension]);
      await quantizer.initialize(given, Random.fromSeed(6));
      const { quantized, codes, loss, metrics, aux } = quantizer.quantize(given);
      quantizer.afterStep(aux, Random.fromSeed(7));
      const values = [...quantizer.buffers.values()].flatMap((variable) => [...variable.dataSync()]);
      tf.dispose([given, quantized, codes, loss, metrics, aux] as tf.TensorContainer);
      return values;
    };
    const expected = await run("cpu");
    const found = await run(backend);
    // Sums of some dozen float32 values around 1, in another order.
    expect(Math.max(...found.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-4);
    expect(found.every(Number.isFinite)).toBe(true);
  });
});
