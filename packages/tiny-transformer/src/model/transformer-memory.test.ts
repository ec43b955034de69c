import "@mmgen/nn/gradients";
import { ConfigError, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { generationMemory, TinyTransformer, type TransformerOptions, trainingMemory } from "../index.js";

const small: TransformerOptions = { vocabularySize: 11, contextLength: 8, width: 12, heads: 2, layers: 2 };
const variants: [string, Partial<TransformerOptions>][] = [
  ["learned positions", {}],
  ["no biases, tied weights, dropout", { bias: false, tiedWeights: true, dropout: 0.1 }],
  ["sinusoidal positions", { positions: "sinusoidal" }],
  [
    "RMS norms, SwiGLU, norms of queries and keys, places on a plane",
    {
      ...{ normalization: "rms", feedForward: "swiglu", queryKeyNorm: true, heads: 3, positions: "rotary-2d" },
      grid: { height: 2, width: 3, start: 1 },
    },
  ],
  ["learned vectors beside rotary positions", { positions: "rotary", learnedPositions: true }],
  ["rotary positions, odd feed-forward width", { positions: "rotary", feedForwardWidth: 7 }],
];
const rows = 3;

beforeAll(() => tf.setBackend("cpu"));

describe.each(variants)("memory: %s", (_, changes) => {
  const config = { ...small, ...changes };

  it("counts the bytes of a model and its cache", () => {
    const before = tf.memory().numBytes;
    using model = TinyTransformer.create(config, { random: Random.fromSeed(1) });
    const { weights, tables, cache, total } = generationMemory(config, { rows });
    const variables = [...model.parameters.values()];
    expect(weights).toBe(4 * variables.reduce((sum, { size }) => sum + size, 0));
    expect(tf.memory().numBytes - before).toBe(weights + tables);
    const prompt = tf.zeros([rows, 3], "int32");
    const prefilled = model.prefillTensor(prompt);
    tf.dispose([prompt, prefilled.logits]);
    expect(tf.memory().numBytes - before).toBe(total);
    prefilled.cache.dispose();
    expect(tf.memory().numBytes - before).toBe(total - cache);
  });

  it("counts gradients, and estimates the values stored for the backward pass to within a factor of three", () => {
    using model = TinyTransformer.create(config, { random: Random.fromSeed(1) });
    const { weights, gradients, moments, activations } = trainingMemory(config, { rows });
    expect(moments).toBe(2 * weights);
    const ids = { data: new Int32Array(rows * 8).fill(1), count: rows, length: 8 };
    const batch = { inputs: ids, targets: ids };
    let kept = 0;
    const { value, grads } = tf.variableGrads(() => {
      const before = tf.memory().numBytes;
      const { total } = model.loss(batch, { training: true, random: Random.fromSeed(2) });
      kept = tf.memory().numBytes - before;
      return total;
    }, [...model.parameters.values()]);
    const tensors = Object.values(grads);
    expect(4 * tensors.reduce((sum, { size }) => sum + size, 0)).toBe(gradients);
    tf.dispose([value, ...tensors]);
    // The tape keeps the operands of sums and products too, which no formula reads: a ratio of 1.8 here, of 2.7 with rotary positions.
    expect(kept).toBeGreaterThan(activations);
    expect(kept).toBeLessThan(3 * activations);
  });
});

it("allocates nothing, for a model of any size, and refuses invalid row counts", () => {
  const before = tf.memory().numTensors;
  const large = { ...small, width: 12_288, heads: 96, layers: 96, contextLength: 2048, vocabularySize: 50_257 };
  // GPT-3: 175 billion parameters.
  expect(generationMemory(large, { rows: 1 }).weights / 4e9).toBeCloseTo(175, -1);
  expect(() => generationMemory(small, { rows: 0 })).toThrow("rows: expected a whole number of at least 1, got 0");
  expect(() => trainingMemory(small, { rows: 1.5 })).toThrow(ConfigError);
  expect(() => trainingMemory({ ...small, heads: 5 }, { rows: 1 })).toThrow("divisible");
  expect(tf.memory().numTensors).toBe(before);
});
