import { type ImageBatch, Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { generate } from "@mmgen/samplers";
import { TinyTransformer, type TransformerConfig } from "@mmgen/tiny-transformer";
import { evaluateLoss, tokenExamples } from "@mmgen/training";
import { VqVae, type VqVaeOptions } from "@mmgen/vqvae";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";

// A trained model may be taken to a browser that has neither WebGPU nor a graphics card: all but training runs there.

const side = 8;
const random = Random.fromSeed(1);
const images: ImageBatch = {
  data: Uint8Array.from({ length: 5 * side * side * 3 }, () => random.integer(4)),
  count: 5,
  height: side,
  width: side,
  channels: 3,
  maxValue: 3,
};

const codebook = { codebookSize: 8, codeDimension: 4 };
const convolutional = { hiddenChannels: 8, stages: 2, residualBlocks: 1 };
const autoencoders: Readonly<Record<string, VqVaeOptions>> = {
  "vector, attention": { network: { ...convolutional, attentionHeads: 2 }, quantizer: { type: "vector", ...codebook } },
  "vector, padded to a power of two": {
    network: { ...convolutional, stages: 3 },
    quantizer: { type: "vector", ...codebook },
  },
  "cosine, categorical": {
    network: convolutional,
    quantizer: { type: "vector", ...codebook, distance: "cosine" },
    head: "categorical",
  },
  product: { network: convolutional, quantizer: { type: "product", ...codebook, chunks: 2 } },
  residual: { network: convolutional, quantizer: { type: "residual", ...codebook, stages: 2 } },
  fsq: { network: convolutional, quantizer: { type: "fsq", levels: [5, 4, 3] } },
  lfq: { network: convolutional, quantizer: { type: "lfq", bits: 5 } },
  "figure and ground": {
    network: convolutional,
    quantizer: { type: "vector", ...codebook },
    composition: { type: "figure-ground" },
    head: "categorical",
  },
  "dense, sigmoid": {
    network: { type: "dense", hidden: [16] },
    quantizer: { type: "product", ...codebook, chunks: 2 },
    head: "sigmoid",
  },
};

const transformers: Readonly<Record<string, Partial<TransformerConfig>>> = {
  "learned positions": {},
  "sinusoidal positions, tanh": { positions: "sinusoidal", gelu: "tanh" },
  "rotary positions, tied weights, no biases": { positions: "rotary", tiedWeights: true, bias: false },
};

const tokenizer = MultimodalTokenizer.create({
  captions: ["a red cat", "a dog", "red red"],
  codebookSize: 8,
  codeGrid: { height: 2, width: 2 },
});
const pairs = tokenizer.join({
  codes: { data: Int32Array.from({ length: 12 }, () => random.integer(8)), count: 3, height: 2, width: 2 },
  captions: ["a red cat", "a dog", "red red"],
  order: "halves",
});

/** What `run` gives on plain JavaScript and on WebAssembly. */
async function onBoth<Result>(run: () => Promise<Result>): Promise<[cpu: Result, wasm: Result]> {
  const results: Result[] = [];
  for (const backend of ["cpu", "wasm"]) {
    await tf.setBackend(backend);
    const before = tf.memory().numTensors;
    results.push(await run());
    expect(tf.memory().numTensors, backend).toBe(before);
  }
  return results as [Result, Result];
}

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  // Sums of some hundred float32 products of values around 1, in another order.
  Array.from(expected).forEach((value, i) => {
    expect(Math.abs(found[i]! - value)).toBeLessThan(1e-4);
  });
}

describe("trained models on WebAssembly do as in plain JavaScript", () => {
  for (const [name, options] of Object.entries(autoencoders)) {
    it(`codes and pictures: ${name}`, async () => {
      await tf.setBackend("cpu");
      const made = VqVae.create({ imageSide: side, ...options }, { random: Random.fromSeed(2) });
      await made.initialise(images, Random.fromSeed(3));
      const bytes = await made.toSafetensors();
      made.dispose();
      const [cpu, wasm] = await onBoth(async () => {
        using model = VqVae.fromSafetensors(bytes);
        const codes = await model.encode(images);
        return { codes, latents: await model.latents(images), decoded: await model.decode(codes) };
      });
      expectClose(wasm.latents.data, cpu.latents.data);
      expect(wasm.codes).toEqual(cpu.codes);
      expect(wasm.decoded).toEqual(cpu.decoded);
    });
  }

  for (const [name, changes] of Object.entries(transformers)) {
    it(`logits, step by step, loss and generated ids: ${name}`, async () => {
      const { vocabularySize, sequenceLength: contextLength } = tokenizer;
      const config = { vocabularySize, contextLength, width: 24, heads: 3, layers: 2, ...changes };
      const [cpu, wasm] = await onBoth(async () => {
        using model = TinyTransformer.create(config, { random: Random.fromSeed(4) });
        const decoding = await model.prefill({ data: Int32Array.of(3, 4, 5, 6), count: 2, length: 2 });
        const logits = [...decoding.logits];
        for (let id = 1; id < 5; id++) {
          logits.push(...(await decoding.step(Int32Array.of(id, id + 3))));
        }
        decoding.dispose();
        const rows = tokenExamples(pairs);
        const examples = {
          count: pairs.count,
          batch: async (...context: Parameters<typeof rows.batch>) =>
            tokenizer.toTrainingBatch(await rows.batch(...context)),
        };
        const { loss } = await evaluateLoss({ model, examples, batchSize: 3 });
        const prompt = tokenizer.promptForImages(["a dog", "red red"]);
        const { data } = await generate({ model, prompt, grammar: tokenizer.grammar(), seed: 5 });
        return { logits, loss: loss!, ids: data };
      });
      expectClose(wasm.logits, cpu.logits);
      expectClose([wasm.loss], [cpu.loss]);
      expect(wasm.ids).toEqual(cpu.ids);
    });
  }
});
