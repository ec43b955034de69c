import { AbortedError, Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { heldOutMetrics, scorePairs } from "./score-pairs.js";

beforeAll(() => tf.setBackend("cpu"));

/** A model that knows nothing, and three pairs. */
function ignorant(captions: readonly string[]) {
  const tokenizer = MultimodalTokenizer.create({ captions, codebookSize: 6, codeGrid: { height: 2, width: 2 } });
  const { vocabularySize, sequenceLength: contextLength } = tokenizer;
  const transformer = TinyTransformer.create(
    { vocabularySize, contextLength, width: 8, heads: 2, layers: 1 },
    { random: Random.fromSeed(1) },
  );
  for (const weight of transformer.parameters.values()) {
    weight.assign(tf.zerosLike(weight));
  }
  const codes = { data: Int32Array.of(0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5), count: 3, height: 2, width: 2 };
  return { models: { tokenizer, transformer }, pairs: { codes, captions }, nats: Math.log(vocabularySize) };
}

describe("the likelihood of pairs", () => {
  it("of a model that knows nothing is the logarithm of its vocabulary's size", async () => {
    const { models, nats, pairs } = ignorant(["a red cat", "a red dog", "a blue cat"]);
    const { contextLength } = models.transformer;
    const score = await scorePairs(models, { ...pairs, pixels: 16 });
    // float32 logarithms: seven digits.
    expect(score.natsPerId).toBeCloseTo(nats, 5);
    expect(score.natsPerSequence).toBeCloseTo(nats * (contextLength - 1), 4);
    expect(score.bitsPerPixel).toBeCloseTo((4 * nats) / Math.LN2 / 16, 5);
    for (const order of Object.values(score.byOrder)) {
      expect(order.byPosition).toHaveLength(contextLength - 1);
      expect(order.byModality.text!.natsPerSequence).toBeCloseTo(3 * nats, 5);
    }
    models.transformer.dispose();
  });

  it("counts no padding of shorter captions", async () => {
    const { models, nats, pairs } = ignorant(["a cat", "a red dog", "a big red cat"]);
    const heldOut = await heldOutMetrics(models, pairs);
    // 4 codes, 2 markers, 2 to 4 words and an end marker where there are fewer than 4, on average 3 and one end marker.
    const { natsPerSequence } = await scorePairs(models, { ...pairs, pixels: 16 });
    expect(heldOut.natsPerSequence).toBeCloseTo(natsPerSequence, 4);
    expect(natsPerSequence / nats).toBeLessThan(models.transformer.contextLength - 1);
    models.transformer.dispose();
  });

  it("stops when it is told to", async () => {
    const { models, pairs } = ignorant(["a", "b", "c"]);
    const signal = AbortSignal.abort();
    await expect(heldOutMetrics(models, pairs, { signal })).rejects.toSatisfy(
      AbortedError.isInstance.bind(AbortedError),
    );
    models.transformer.dispose();
  });
});
