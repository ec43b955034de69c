import "@mmgen/nn/gradients";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { Random } from "@mmgen/core";
import { TinyTransformer, type TransformerBatch, type TransformerOptions } from "@mmgen/tiny-transformer";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";

const small: TransformerOptions = {
  vocabularySize: 19,
  contextLength: 10,
  width: 24,
  heads: 3,
  layers: 2,
  dropout: 0.2,
};
const variants: [string, Partial<TransformerOptions>][] = [
  ["learned positions", {}],
  ["sinusoidal positions, tanh", { positions: "sinusoidal", gelu: "tanh" }],
  ["rotary positions, tied weights", { positions: "rotary", tiedWeights: true }],
  ["no biases", { bias: false }],
  ["RMS norms, SwiGLU", { normalization: "rms", feedForward: "swiglu" }],
  [
    "norms of queries and keys, places on a plane",
    { queryKeyNorm: true, positions: "rotary-2d", grid: { height: 2, width: 3, start: 2 } },
  ],
];

beforeAll(() => registerOnnxBackend());

function drawBatch(): TransformerBatch {
  const random = Random.fromSeed(2);
  const [count, length] = [3, 10];
  const draw = () => Int32Array.from({ length: count * length }, () => random.integer(small.vocabularySize));
  return {
    inputs: { data: draw(), count, length },
    targets: { data: draw(), count, length },
    weights: random.uniforms(count * length, 0.5, 1.5),
  };
}

/** The loss in training and its gradients, by checkpoint name. */
async function trainOn(backend: string, changes: Partial<TransformerOptions>): Promise<Map<string, Float32Array>> {
  await tf.setBackend(backend);
  using model = TinyTransformer.create({ ...small, ...changes }, { random: Random.fromSeed(1) });
  const variables = [...model.parameters.values()];
  const options = { training: true, random: Random.fromSeed(3) };
  const { value, grads } = tf.variableGrads(() => model.loss(drawBatch(), options).total, variables);
  const results = new Map([["loss", (await value.data()) as Float32Array]]);
  for (const [name, variable] of model.parameters) {
    results.set(name, (await grads[variable.name]!.data()) as Float32Array);
  }
  tf.dispose([value, grads]);
  return results;
}

/** Logits of a prefill and of every step after it, to the end of the context; twice, so that replays count. */
async function decodeOn(backend: string, changes: Partial<TransformerOptions>): Promise<number[]> {
  await tf.setBackend(backend);
  using model = TinyTransformer.create({ ...small, ...changes }, { random: Random.fromSeed(1) });
  const before = tf.memory().numTensors;
  const all: number[] = [];
  for (const seed of [4, 5]) {
    const random = Random.fromSeed(seed);
    const draw = (size: number) => Int32Array.from({ length: size }, () => random.integer(small.vocabularySize));
    const decoding = await model.prefill({ data: draw(2 * 4), count: 2, length: 4 });
    all.push(...decoding.logits);
    for (let position = 4; position < small.contextLength; position++) {
      all.push(...(await decoding.step(draw(2))));
    }
    decoding.dispose();
  }
  expect(tf.memory().numTensors).toBe(before);
  return all;
}

function greatestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((greatest, value, i) => Math.max(greatest, Math.abs(value - b[i]!)), 0);
}

describe("a transformer on the onnx backend", () => {
  for (const [name, changes] of variants) {
    it(`has the loss and gradients of the cpu backend, dropout included: ${name}`, async () => {
      const [cpu, onnx] = [await trainOn("cpu", changes), await trainOn("onnx", changes)];
      for (const [weight, expected] of cpu) {
        // Float32 sums in another order; every value here is well below 10.
        expect(greatestDifference(expected, onnx.get(weight)!), weight).toBeLessThan(1e-4);
      }
    });

    it(`decodes as the cpu backend does, with cached keys and values: ${name}`, async () => {
      const [cpu, onnx] = [await decodeOn("cpu", changes), await decodeOn("onnx", changes)];
      expect(greatestDifference(cpu, onnx)).toBeLessThan(1e-5);
    });
  }
});
