import { AbortedError, ConfigError, DataError, Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import type { KernelOptions } from "@mmgen/samplers";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it, vi } from "vitest";
import { heldOutBounds, scoreBounds } from "./diffusion-bounds.js";
import { resolveDiffusion } from "./diffusion-options.js";

beforeAll(() => tf.setBackend("cpu"));

/** A model that knows nothing, and three pairs. */
function ignorant(captions: readonly string[], kernel: KernelOptions = {}) {
  const tokenizer = MultimodalTokenizer.create({
    ...{ captions, codebookSize: 6, codeGrid: { height: 2, width: 2 }, maskToken: true, nullToken: true },
  });
  const { vocabularySize, sequenceLength: contextLength } = tokenizer;
  const transformer = TinyTransformer.create(
    { vocabularySize, contextLength, width: 8, heads: 2, layers: 1, causal: false },
    { random: Random.fromSeed(1) },
  );
  for (const weight of transformer.parameters.values()) {
    weight.assign(tf.zerosLike(weight));
  }
  const codes = { data: Int32Array.of(0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5), count: 3, height: 2, width: 2 };
  const diffusion = resolveDiffusion({ kernel }, { hasText: true, hasNull: true });
  return { models: { tokenizer, transformer, diffusion }, pairs: { codes, captions, pixels: 16 } };
}

it("of a model that knows nothing are the logarithms of the numbers of legal ids", async () => {
  const { models, pairs } = ignorant(["a red cat", "a red dog", "a blue cat"]);
  const score = await scoreBounds(models, pairs);
  const [image, text] = [4 * Math.log(6), 3 * Math.log(5)];
  expect(score.bounds.imageGivenText!.natsPerSequence).toBeCloseTo(image, 5);
  expect(score.bounds.imageGivenText!.natsPerId).toBeCloseTo(Math.log(6), 5);
  expect(score.bounds.textGivenImage!.natsPerSequence).toBeCloseTo(text, 5);
  expect(score.bitsPerPixel).toBeCloseTo(image / Math.LN2 / 16, 5);
  // Which places are masked decides how many of either kind are counted: equal only in the mean.
  expect(Math.abs(score.natsPerSequence - image - text)).toBeLessThan(0.2);
  expect(score.natsPerId).toBeCloseTo(score.natsPerSequence / 7, 6);
  expect(await scoreBounds(models, pairs, { batchSize: 5 })).toEqual(score);
  models.transformer.dispose();
});

it("count no padding of shorter captions as ids, and are the same for a kernel of small steps", async () => {
  const captions = ["a cat", "a red dog", "a big red cat"];
  const { models, pairs } = ignorant(captions, { type: "uniform", steps: 4 });
  const { bounds } = await scoreBounds(models, pairs);
  // Words and, where there are fewer than four, an end marker: 3, 4 and 5 ids of 5 places.
  expect(bounds.textGivenImage!.natsPerSequence / bounds.textGivenImage!.natsPerId).toBeCloseTo(4, 6);
  // By symmetry its images are uniformly random, of which the bound is no less; sixteen draws vary a little.
  expect(bounds.imageGivenText!.natsPerSequence).toBeGreaterThan(4 * Math.log(6) - 0.5);
  const heldOut = await heldOutBounds(models, pairs, { tasks: models.diffusion.tasks });
  expect(heldOut.natsPerSequence! / heldOut.natsPerId!).toBeCloseTo(8, 6);
  models.transformer.dispose();
});

it("look at a hundred corrupted sequences at once, unless told otherwise", async () => {
  const { models, pairs } = ignorant(Array.from({ length: 10 }, () => "a cat"));
  const codes = { ...pairs.codes, data: new Int32Array(40), count: 10 };
  const logits = vi.spyOn(models.transformer, "logits");
  await scoreBounds(models, { ...pairs, codes });
  expect(Math.max(...logits.mock.calls.map(([{ count }]) => count))).toBe(100);
  logits.mockClear();
  await heldOutBounds(models, { ...pairs, codes }, { tasks: models.diffusion.tasks, batchSize: 7 });
  expect(Math.max(...logits.mock.calls.map(([{ count }]) => count))).toBe(7);
  models.transformer.dispose();
});

it("refuses what has no bound", async () => {
  const { models, pairs } = ignorant(["a", "b", "c"], { type: "chain" });
  await expect(scoreBounds(models, pairs)).rejects.toThrow(ConfigError);
  expect(Object.keys(await heldOutBounds(models, pairs, { tasks: models.diffusion.tasks }))).toContain("loss");
  const diffusion = resolveDiffusion({}, { hasText: true, hasNull: true });
  const none = { captions: [], codes: { ...pairs.codes, data: new Int32Array(0), count: 0 }, pixels: 16 };
  await expect(scoreBounds({ ...models, diffusion }, none)).rejects.toThrow(DataError);
  const signal = AbortSignal.abort();
  await expect(scoreBounds({ ...models, diffusion }, pairs, { signal })).rejects.toThrow(AbortedError);
  models.transformer.dispose();
});
