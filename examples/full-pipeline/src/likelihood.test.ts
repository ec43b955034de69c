import { Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { likelihood } from "./likelihood.js";

beforeAll(() => tf.setBackend("cpu"));

it("of a model that knows nothing is the logarithm of its vocabulary's size", async () => {
  const captions = ["a red cat", "a red dog", "a blue cat"];
  const tokenizer = MultimodalTokenizer.create({ captions, codebookSize: 6, codeGrid: { height: 2, width: 2 } });
  const { vocabularySize, sequenceLength: contextLength } = tokenizer;
  using transformer = TinyTransformer.create(
    { vocabularySize, contextLength, width: 8, heads: 2, layers: 1 },
    { random: Random.fromSeed(1) },
  );
  for (const weight of transformer.parameters.values()) {
    weight.assign(tf.zerosLike(weight));
  }
  const codes = { data: Int32Array.of(0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5), count: 3, height: 2, width: 2 };
  const tokens = {
    "text-first": tokenizer.encode({ codes, captions, order: "text-first" }),
    "image-first": tokenizer.encode({ codes, captions, order: "image-first" }),
  };
  const { signal } = new AbortController();
  const figures = await likelihood({ transformer, tokenizer, tokens, pixels: 16, signal });
  const nats = Math.log(vocabularySize);
  // float32 logarithms: seven digits.
  expect(figures.natsPerDim).toBeCloseTo(nats, 5);
  expect(figures.natsPerSample).toBeCloseTo(nats * (contextLength - 1), 4);
  expect(figures.bitsPerPixel).toBeCloseTo((4 * nats) / Math.LN2 / 16, 5);
  for (const order of Object.values(figures.byOrder)) {
    expect(order.byPosition).toHaveLength(contextLength - 1);
    expect(order.byModality.text!.natsPerSample).toBeCloseTo(3 * nats, 5);
  }
});
