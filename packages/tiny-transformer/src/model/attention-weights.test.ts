import { Random, ShapeError, VocabularyError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { attentionWeights } from "./attention-weights.js";
import { TinyTransformer } from "./tiny-transformer.js";

const sizes = { vocabularySize: 7, contextLength: 6, width: 8, heads: 2, layers: 3 };
const ids = { data: Int32Array.of(0, 1, 2, 3, 4, 5, 6, 0), count: 2, length: 4 };

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("attentionWeights", () => {
  it("gives shares that sum to 1, none of them of positions to come, and leaves no tensor behind", async () => {
    using model = TinyTransformer.create(sizes, { random: Random.fromSeed(1) });
    const before = tf.memory().numTensors;
    const { data, heads, layers, length, rows } = await attentionWeights(model, ids);
    expect(tf.memory().numTensors).toBe(before);
    expect([layers, rows, heads, length]).toEqual([3, 2, 2, 4]);
    expect(data.length).toBe(3 * 2 * 2 * 4 * 4);
    for (let query = 0; query < data.length / length; query++) {
      const shares = data.subarray(query * length, (query + 1) * length);
      const seen = (query % length) + 1;
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
      expect(shares.slice(0, seen).every((share) => share > 0)).toBe(true);
      expect(shares.slice(seen).every((share) => share === 0)).toBe(true);
    }
  });

  it("sees both sides where the model does", async () => {
    using model = TinyTransformer.create({ ...sizes, causal: false }, { random: Random.fromSeed(1) });
    const { data } = await attentionWeights(model, ids);
    expect(data.every((share) => share > 0)).toBe(true);
  });

  it("are the weights that the model computes with", async () => {
    // One layer and one head, whose values pass through: what a position attends to is the weighted mean of the values.
    using model = TinyTransformer.create(
      { ...sizes, layers: 1, heads: 1, positions: "rotary" },
      { random: Random.fromSeed(2) },
    );
    const { data, length } = await attentionWeights(model, { ...ids, data: ids.data.subarray(0, 4), count: 1 });
    const { attended, values } = tf.tidy(() => {
      const block = model.backbone.blocks[0]!;
      let attended: tf.Tensor | undefined;
      let values: tf.Tensor | undefined;
      const { merge } = block.attention;
      block.attention.merge = (x) => {
        attended = tf.keep(tf.clone(x));
        return merge.call(block.attention, x);
      };
      model.backbone.forward(tf.tensor2d([0, 1, 2, 3], [1, 4], "int32"), {
        onKeysAndValues: (_, v) => {
          values = tf.keep(tf.clone(v));
        },
      });
      return { attended: attended!, values: values! };
    });
    const product = tf.matMul(tf.tensor4d(data, [1, 1, length, length]), values);
    // Both multiply the same float32 numbers, in sums of four.
    expect([...product.dataSync()]).toEqual([...attended.dataSync()].map((value) => expect.closeTo(value, 6)));
    tf.dispose([product, attended, values]);
  });

  it("refuses ids that do not fit the model", async () => {
    using model = TinyTransformer.create(sizes, { random: Random.fromSeed(1) });
    await expect(attentionWeights(model, { data: new Int32Array(7), count: 1, length: 7 })).rejects.toThrow(ShapeError);
    await expect(attentionWeights(model, { data: Int32Array.of(7), count: 1, length: 1 })).rejects.toThrow(
      VocabularyError,
    );
  });
});
