import "@mmgen/nn/gradients";
import { type ImageBatch, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { type QuantizerOptions, VqVae, type VqVaeOptions } from "../index.js";
import { codePerplexity, countCodes, reconstructionMetrics } from "./reconstruction.fixture.js";
import { trainSteps } from "./train-steps.fixture.js";

beforeAll(() => tf.setBackend("cpu"));

const codebook = { codebookSize: 8, codeDimension: 4 };

interface Expected {
  readonly quantizer: QuantizerOptions;
  /** Codes that it makes of a latent vector. */
  readonly codesPerVector: number;
  readonly codebookSize: number;
  /** Weight in the loss of each of its metrics but the perplexity; 0 of what is only reported. */
  readonly terms: Readonly<Record<string, number>>;
}

const commitment = { commitment: 0.25 };
const ofGradientCodebook = { commitment: 0.25, codebook: 1 };

/** One of every kind of quantizer, and what it does in a model. */
const quantizers: Readonly<Record<string, Expected>> = {
  "vector, EMA": {
    quantizer: { type: "vector", ...codebook },
    codesPerVector: 1,
    codebookSize: 8,
    terms: commitment,
  },
  "vector, gradient, rotation": {
    quantizer: { ...codebook, codebook: "gradient", gradientEstimator: "rotation" },
    codesPerVector: 1,
    codebookSize: 8,
    terms: ofGradientCodebook,
  },
  "vector, cosine, EMA": {
    quantizer: { type: "vector", ...codebook, distance: "cosine" },
    codesPerVector: 1,
    codebookSize: 8,
    terms: commitment,
  },
  "vector, cosine, gradient": {
    quantizer: { ...codebook, distance: "cosine", codebook: "gradient" },
    codesPerVector: 1,
    codebookSize: 8,
    terms: ofGradientCodebook,
  },
  "product, shared": {
    quantizer: { type: "product", ...codebook, chunks: 2, sharedCodebook: true },
    codesPerVector: 2,
    codebookSize: 8,
    terms: commitment,
  },
  "product, cosine, rotation": {
    quantizer: { type: "product", ...codebook, chunks: 2, distance: "cosine", gradientEstimator: "rotation" },
    codesPerVector: 2,
    codebookSize: 8,
    terms: commitment,
  },
  "residual, EMA": {
    quantizer: { type: "residual", ...codebook, stages: 3 },
    codesPerVector: 3,
    codebookSize: 8,
    terms: commitment,
  },
  "residual, gradient, rotation": {
    quantizer: { type: "residual", ...codebook, stages: 2, codebook: "gradient", gradientEstimator: "rotation" },
    codesPerVector: 2,
    codebookSize: 8,
    terms: ofGradientCodebook,
  },
  "vector, EMA, entropy loss": {
    quantizer: { ...codebook, entropyWeight: 0.1 },
    codesPerVector: 1,
    codebookSize: 8,
    terms: { commitment: 0.25, sampleEntropy: 0.1, codebookEntropy: -0.1 },
  },
  "vector, index": {
    quantizer: { ...codebook, codebook: "index" },
    codesPerVector: 1,
    codebookSize: 8,
    terms: { index: 1, commitment: 1, codebook: 0.25, sampleEntropy: 0.05, codebookEntropy: -0.05 },
  },
  "product, simvq": {
    quantizer: { type: "product", ...codebook, chunks: 2, codebook: "simvq" },
    codesPerVector: 2,
    codebookSize: 8,
    terms: ofGradientCodebook,
  },
  fsq: { quantizer: { type: "fsq", levels: [5, 4, 3] }, codesPerVector: 1, codebookSize: 60, terms: {} },
  lfq: {
    quantizer: { type: "lfq", bits: 5, inverseTemperature: 10 },
    codesPerVector: 1,
    codebookSize: 32,
    terms: { commitment: 0.25, sampleEntropy: 0.1, codebookEntropy: -0.1 },
  },
};

const create = (quantizer: QuantizerOptions, options: VqVaeOptions = {}) =>
  VqVae.create(
    { imageSide: 4, network: { hiddenChannels: 8, stages: 1, residualBlocks: 0 }, quantizer, ...options },
    { random: Random.fromSeed(1) },
  );

/** Two flat colors an image, the upper half and the lower. */
function halves(count: number): ImageBatch {
  const random = Random.fromSeed(5);
  const data = new Uint8Array(count * 48);
  for (let image = 0; image < count; image++) {
    const colors = Array.from({ length: 6 }, () => random.integer(2) * 3);
    for (let i = 0; i < 48; i++) {
      data[image * 48 + i] = colors[(i < 24 ? 0 : 3) + (i % 3)]!;
    }
  }
  return { data, count, height: 4, width: 4, channels: 3, maxValue: 3 };
}
const images = halves(16);

for (const [name, { quantizer, codesPerVector, codebookSize, terms }] of Object.entries(quantizers)) {
  describe(name, () => {
    it("learns, keeps its state in the file, and leaves no tensor behind", async () => {
      const before = tf.memory().numTensors;
      const model = create(quantizer);
      const held = tf.memory().numTensors;
      expect(model.codeGrid).toEqual({ height: 2, width: 2 * codesPerVector });
      expect(model.codebookSize).toBe(codebookSize);
      const untrained = reconstructionMetrics(images, await model.reconstruct(images));
      await trainSteps(model, images, 30);
      const trained = reconstructionMetrics(images, await model.reconstruct(images));
      expect(trained.meanSquaredError).toBeLessThan(0.7 * untrained.meanSquaredError);
      const bytes = await model.toSafetensors();
      const loaded = VqVae.fromSafetensors(bytes);
      expect(loaded.config).toEqual(model.config);
      expect(await loaded.toSafetensors()).toEqual(bytes);
      // Both go on alike: what the updates rest on is in the file too.
      for (const each of [model, loaded]) {
        await trainSteps(each, images, 2);
      }
      expect(await loaded.toSafetensors()).toEqual(await model.toSafetensors());
      loaded.dispose();
      expect(tf.memory().numTensors).toBe(held);
      model.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });

    it("gives every variable a gradient, and says what the loss is made of", () => {
      using model = create(quantizer);
      tf.tidy(() => {
        const variables = [...model.parameters.values()];
        const { value, grads } = tf.variableGrads(() => model.loss(images, { training: true }).total, variables);
        for (const [variableName, variable] of model.parameters) {
          expect(grads[variable.name]?.shape, variableName).toEqual(variable.shape);
        }
        const { metrics } = model.loss(images, { training: true });
        const expected = { reconstruction: 1, ...terms };
        const reported = Object.keys(metrics).filter((metric) => metric !== "perplexity");
        expect(reported.sort()).toEqual(Object.keys(expected).sort());
        const weighted = Object.entries(expected).map(([metric, weight]) => weight * metrics[metric]!.dataSync()[0]!);
        expect(value.dataSync()[0]).toBeCloseTo(
          weighted.reduce((sum, term) => sum + term, 0),
          5,
        );
      });
    });

    it("works under a dense network, and on figure and ground", async () => {
      using dense = create(quantizer, { network: { type: "dense", hidden: [8], latentVectors: 3 } });
      expect(dense.codeGrid).toEqual({ height: 1, width: 3 * codesPerVector });
      expect((await dense.reconstruct(images)).data.length).toBe(images.data.length);
      using figure = create(quantizer, { composition: { type: "figure-ground" } });
      expect(figure.codeGrid).toEqual({ height: 1, width: 2 + 4 * codesPerVector });
      const codes = await figure.encode(images);
      expect(Math.max(...codes.data)).toBeLessThan(figure.codebookSize);
      expect((await figure.decode(codes)).data.length).toBe(images.data.length);
    });
  });
}

const learned = { ...codebook, codebook: "gradient", emaDecay: 0, deadCodeThreshold: 0 } as const;
it.each<[string, QuantizerOptions, codebooks: number]>([
  ["vector", { type: "vector", ...learned }, 1],
  ["product", { type: "product", ...learned, chunks: 2 }, 2],
  ["product, shared", { type: "product", ...learned, chunks: 2, sharedCodebook: true }, 1],
  ["residual", { type: "residual", ...learned, stages: 3 }, 3],
])("%s: the usage of the codes of a batch is what training reports of it", async (_, quantizer, codebooks) => {
  // Without batch statistics training sees the latents that encode sees, and without decay counts are the batch's.
  const network = { hiddenChannels: 8, stages: 1, residualBlocks: 0, normalization: "none" } as const;
  using model = create(quantizer, { network });
  await model.initialize(images, Random.fromSeed(2));
  const { aux } = model.loss(images, { training: true });
  model.afterStep(aux, Random.fromSeed(3));
  const { metrics } = model.loss(images, { training: false });
  const counts = countCodes(model.codeLayout, (await model.encode(images)).data);
  expect(counts.length).toBe(codebooks);
  const perplexity = codePerplexity(counts);
  // float32, and 1e-10 within the logarithm.
  expect(perplexity).toBeCloseTo(metrics.perplexity!.dataSync()[0]!, 4);
  expect(perplexity).toBeGreaterThan(1.5); // or equality would say little
});
