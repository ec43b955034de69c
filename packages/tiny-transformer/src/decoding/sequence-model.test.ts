import { ConfigError, Random, ShapeError, type TokenBatch, VocabularyError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { TinyTransformer, type TransformerOptions } from "../index.js";

const small: TransformerOptions = { vocabularySize: 11, contextLength: 8, width: 12, heads: 2, layers: 2 };

beforeAll(() => tf.setBackend("cpu"));

/** Model with weights fifty times the usual size, so that logits differ widely between positions. */
function create(changes: Partial<TransformerOptions> = {}): TinyTransformer {
  const random = Random.fromSeed(1);
  const model = TinyTransformer.create({ ...small, ...changes }, { random });
  for (const variable of model.parameters.values()) {
    tf.tidy(() => variable.assign(tf.tensor(random.normals(variable.size, 0.5), variable.shape)));
  }
  return model;
}

function drawIds(count: number, length: number): TokenBatch {
  const random = Random.fromSeed(2);
  return { data: Int32Array.from({ length: count * length }, () => random.integer(11)), count, length };
}

function column(ids: TokenBatch, position: number): Int32Array {
  return Int32Array.from({ length: ids.count }, (_, row) => ids.data[row * ids.length + position]!);
}

function firstColumns(ids: TokenBatch, length: number): TokenBatch {
  const data = Array.from({ length: ids.count }, (_, row) => [
    ...ids.data.subarray(row * ids.length, row * ids.length + length),
  ]);
  return { data: Int32Array.from(data.flat()), count: ids.count, length };
}

describe("prefill and step", () => {
  const plane = { heads: 3, positions: "rotary-2d", grid: { height: 2, width: 3, start: 1 } } as const;
  const variants: [string, Partial<TransformerOptions>][] = [
    ["learned", {}],
    ["sinusoidal", { positions: "sinusoidal" }],
    ["rotary", { positions: "rotary" }],
    ["rotary-2d", plane],
    ["RMS norms, SwiGLU", { normalization: "rms", feedForward: "swiglu" }],
    ["norms of queries and keys", { queryKeyNorm: true, positions: "rotary" }],
  ];
  for (const [name, changes] of variants) {
    for (const count of [1, 3]) {
      it(`equals the uncached logits at every position: ${name}, batch ${count}`, async () => {
        using model = create({ ...changes, tiedWeights: count === 3, bias: count === 1 });
        const ids = drawIds(count, 8);
        const expected = await model.logits(ids); // [count, 8, 11]
        for (const promptLength of [1, 2, 5, 8]) {
          const decoding = await model.prefill(firstColumns(ids, promptLength));
          for (let position = promptLength - 1; position < 8; position++) {
            if (position >= promptLength) {
              expect(await decoding.step(column(ids, position))).toBe(decoding.logits);
            }
            expect(decoding.length).toBe(position + 1);
            for (let row = 0; row < count; row++) {
              const uncached = expected.subarray((row * 8 + position) * 11, (row * 8 + position + 1) * 11);
              const cached = decoding.logits.subarray(row * 11, (row + 1) * 11);
              const difference = Math.max(...uncached.map((value, i) => Math.abs(value - cached[i]!)));
              // Logits are of size 1 to 10; the two computations add in a different order.
              expect(difference, `prompt ${promptLength}, position ${position}`).toBeLessThan(1e-5);
            }
          }
          decoding.dispose();
        }
      });
    }
  }

  it("gives a row the same logits in any batch", async () => {
    using model = create();
    const ids = drawIds(3, 4);
    const together = await model.prefill(ids);
    const alone = await model.prefill({ data: ids.data.slice(4, 8), count: 1, length: 4 });
    const [all, one] = [await together.step(Int32Array.of(1, 2, 3)), await alone.step(Int32Array.of(2))];
    one.forEach((value, i) => {
      expect(all[11 + i]).toBeCloseTo(value, 5);
    });
    together.dispose();
    alone.dispose();
  });

  it("uses weights that were updated by training after an earlier step", async () => {
    using model = create();
    const ids = drawIds(1, 4);
    const first = await model.prefill(firstColumns(ids, 3));
    await first.step(column(ids, 3));
    first.dispose();
    tf.tidy(() => {
      const head = model.parameters.get("lm_head.weight")!;
      head.assign(tf.mul(head, 2));
    });
    const second = await model.prefill(firstColumns(ids, 3));
    const expected = (await model.logits(ids)).subarray(33);
    (await second.step(column(ids, 3))).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 4);
    });
    second.dispose();
  });

  it("leaks no tensors", async () => {
    using model = create({ positions: "rotary" });
    const before = tf.memory().numTensors;
    const decoding = await model.prefill(drawIds(2, 3));
    expect(tf.memory().numTensors).toBe(before + 4);
    await decoding.step(Int32Array.of(1, 2));
    await decoding.step(Int32Array.of(3, 4));
    expect(tf.memory().numTensors).toBe(before + 4);
    decoding.dispose();
    decoding.dispose();
    expect(tf.memory().numTensors).toBe(before);
    await expect(decoding.step(Int32Array.of(1, 2))).rejects.toThrow("disposed");
  });

  it("keeps its caches inside a surrounding tidy", () => {
    using model = create();
    const cache = tf.tidy(
      () => model.prefillTensor(tf.tensor2d([[1, 2]], undefined, "int32")).cache as never,
    ) as ReturnType<TinyTransformer["prefillTensor"]>["cache"];
    tf.tidy(() => {
      model.stepTensor(tf.tensor1d([1], "int32"), cache);
    });
    expect(model.stepTensor(tf.tensor1d([1], "int32"), cache).shape).toEqual([1, 11]);
    expect(cache.length).toBe(4);
    cache.dispose();
  });

  it("refuses steps past contextLength, and stays usable", async () => {
    using model = create();
    const decoding = await model.prefill(drawIds(1, 8));
    await expect(decoding.step(Int32Array.of(1))).rejects.toThrow(ShapeError);
    await expect(decoding.step(Int32Array.of(1))).rejects.toThrow(
      "the cache is full with 8 ids, the model's contextLength",
    );
    expect(decoding.length).toBe(8);
    decoding.dispose();
    await expect(model.prefill(drawIds(1, 9))).rejects.toThrow("contextLength 8");
  });

  it("refuses ids outside the vocabulary, other row counts and empty prompts", async () => {
    using model = create();
    const decoding = await model.prefill(drawIds(2, 3));
    await expect(decoding.step(Int32Array.of(1, 11))).rejects.toThrow(VocabularyError);
    await expect(decoding.step(Int32Array.of(-1, 1))).rejects.toThrow(VocabularyError);
    await expect(decoding.step(Int32Array.of(1))).rejects.toThrow("expected int32 [2], one id per row");
    expect(decoding.length).toBe(3);
    decoding.dispose();
    await expect(model.prefill({ data: new Int32Array(0), count: 1, length: 0 })).rejects.toThrow(ShapeError);
    await expect(model.prefill({ data: Int32Array.of(12), count: 1, length: 1 })).rejects.toThrow(VocabularyError);
  });

  it("refuses another model's cache, and models that are not causal", async () => {
    using model = create();
    using other = create();
    const prompt = tf.tensor2d([[1, 2]], undefined, "int32");
    const { cache } = model.prefillTensor(prompt);
    expect(() => other.stepTensor(tf.tensor1d([1], "int32"), cache)).toThrow(ConfigError);
    expect(() => other.stepTensor(tf.tensor1d([1], "int32"), cache)).toThrow("belongs to another model");
    cache.dispose();
    using bidirectional = create({ causal: false });
    expect(() => bidirectional.prefillTensor(prompt)).toThrow("causal: false");
    const before = tf.memory().numTensors;
    await expect(bidirectional.prefill(drawIds(1, 2))).rejects.toThrow("causal: false");
    expect(tf.memory().numTensors).toBe(before);
  });
});
