import "@mmgen/nn/gradients";
import { type OnnxBackend, registerOnnxBackend } from "@mmgen/backend-onnx";
import { type ImageBatch, Random } from "@mmgen/core";
import { type QuantizerOptions, VqVae } from "@mmgen/vqvae";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(() => registerOnnxBackend());

const codebook = { codebookSize: 8, codeDimension: 4 };
const quantizers: readonly QuantizerOptions[] = [
  { type: "vector", ...codebook, gradientEstimator: "rotation" },
  { type: "vector", ...codebook, distance: "cosine", codebook: "gradient" },
  { type: "vector", ...codebook, codebook: "index", entropyTemperature: 0.5 },
  { type: "vector", ...codebook, codebook: "simvq", entropyWeight: 0.1, entropyTemperature: 0.5 },
  { type: "product", ...codebook, chunks: 2 },
  { type: "product", ...codebook, chunks: 2, sharedCodebook: true },
  { type: "residual", ...codebook, stages: 2 },
  { type: "fsq", levels: [5, 4, 3] },
  { type: "lfq", bits: 5, inverseTemperature: 10 },
];

const random = Random.fromSeed(4);
const images: ImageBatch = {
  data: Uint8Array.from({ length: 6 * 48 }, () => random.integer(4)),
  count: 6,
  height: 4,
  width: 4,
  channels: 3,
  maxValue: 3,
};

/** Codes, and one training step's loss, gradients and state after it, by name. */
async function trainOn(backend: string, bytes: Uint8Array): Promise<Map<string, ArrayLike<number>>> {
  await tf.setBackend(backend);
  using model = VqVae.fromSafetensors(bytes);
  const codes = await model.encode(images);
  const results = new Map<string, ArrayLike<number>>([
    ["codes", codes.data],
    ["decoded", (await model.decode(codes)).data],
  ]);
  let aux: tf.NamedTensorMap = {};
  const { value, grads } = tf.tidy(() =>
    tf.variableGrads(() => {
      const result = model.loss(images, { training: true });
      aux = result.aux;
      Object.values(aux).forEach(tf.keep);
      return result.total;
    }, [...model.parameters.values()]),
  );
  model.afterStep(aux, Random.fromSeed(3));
  results.set("loss", await value.data());
  for (const [name, variable] of model.parameters) {
    results.set(`gradient of ${name}`, await grads[variable.name]!.data());
  }
  for (const [name, variable] of model.buffers) {
    results.set(name, await variable.data());
  }
  tf.dispose([value, grads, aux]);
  return results;
}

describe("quantizers on ONNX Runtime", () => {
  for (const quantizer of quantizers) {
    it(`agree with plain JavaScript, and nothing falls back: ${Object.values(quantizer).join(" ")}`, async () => {
      await tf.setBackend("cpu");
      const network = { hiddenChannels: 8, stages: 1, residualBlocks: 0 };
      const model = VqVae.create({ imageSide: 4, network, quantizer }, { random: Random.fromSeed(1) });
      await model.initialize(images, Random.fromSeed(2));
      const bytes = await model.toSafetensors();
      model.dispose();
      const expected = await trainOn("cpu", bytes);
      const found = await trainOn("onnx", bytes);
      expect([...(tf.backend() as OnnxBackend).fallback!.counts.keys()]).toEqual([]);
      expect([...found.keys()]).toEqual([...expected.keys()]);
      for (const [name, values] of expected) {
        // Sums of some hundred float32 products, in another order.
        Array.from(values).forEach((value, i) => {
          expect(Math.abs(found.get(name)![i]! - value), name).toBeLessThan(1e-4 * Math.max(1, Math.abs(value)));
        });
      }
    });
  }
});
