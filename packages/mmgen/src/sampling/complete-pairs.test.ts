import "@tensorflow/tfjs-backend-cpu";
import { AbortedError, ConfigError, type ImageBatch, Random } from "@mmgen/core";
import { MultimodalTokenizer, type TokenizerOptions } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { squares } from "../model/squares.fixture.js";
import { completePairs } from "./complete-pairs.js";
import type { Completion } from "./completion-prompt.js";
import { completeSequences, drawImages } from "./generate-pairs.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

const { captions, images } = squares(3, 1);

/** Untrained models of 4×4 codes: their ids are as good as random, and guidance takes large scales to change them. */
function untrained(options: Partial<TokenizerOptions> = { captions, nullToken: true }) {
  const random = Random.fromSeed(5);
  const vqvae = VqVae.create(
    { imageSide: 8, network: { hiddenChannels: 4, stages: 1, residualBlocks: 0 }, quantizer: { codebookSize: 6 } },
    { random: random.fork("vqvae") },
  );
  const { codebookSize, codeGrid } = vqvae;
  const tokenizer = MultimodalTokenizer.create({ ...options, codebookSize, codeGrid });
  const { sequenceLength: contextLength, vocabularySize } = tokenizer;
  const transformer = TinyTransformer.create(
    { vocabularySize, contextLength, width: 8, heads: 2, layers: 1 },
    { random: random.fork("transformer") },
  );
  return { vqvae, tokenizer, transformer };
}
const models = untrained();
const only = (batch: ImageBatch, row: number): ImageBatch => {
  const size = batch.height * batch.width * batch.channels;
  return { ...batch, data: batch.data.slice(row * size, (row + 1) * size), count: 1 };
};

describe("completePairs", () => {
  it.each<[string, () => ReturnType<typeof untrained>, Partial<Completion>]>([
    ["images with captions", () => models, { images, captions }],
    ["images, and captions them", () => models, { images }],
    ["images in the layout terminated", () => untrained({ captions, layout: "terminated" }), { images }],
    ["images alone", () => untrained({ layout: "image-only" }), { images }],
    [
      "images of a class",
      () => untrained({ layout: "class", words: ["a", "b"] }),
      { images, captions: ["b", "a", "b"] },
    ],
  ])("keeps the kept codes of %s, whatever the mask", async (_, modelsOf, given) => {
    const parts = modelsOf();
    const { data: original } = await parts.vqvae.encode(images);
    const random = Random.fromSeed(3);
    const changed = new Set<number>();
    for (let trial = 0; trial < 3; trial++) {
      const mask = Array.from({ length: 16 }, () => random.integer(2));
      const completed = await completePairs(parts, { ...given, keep: { mask }, count: 2, candidates: 2 });
      expect(completed.images.count).toBe(6);
      expect(completed.captions).toHaveLength(6);
      if (given.captions) {
        expect(completed.captions).toEqual(given.captions.flatMap((caption) => [caption, caption]));
      }
      for (const [i, code] of completed.codes.data.entries()) {
        const before = original[Math.floor(i / 32) * 16 + (i % 16)];
        if (mask[i % 16] === 1) {
          expect(code).toBe(before);
        } else if (code !== before) {
          changed.add(i % 16);
        }
      }
    }
    // Of 18 draws among 6 ids, some differ from the code that was there.
    expect(changed.size).toBeGreaterThan(8);
  });

  it("keeps columns, and a frame of pixels", async () => {
    const { data: original } = await models.vqvae.encode(images);
    const frame = Array.from({ length: 64 }, (_, i) => [i % 8, i >> 3].some((at) => at < 2 || at > 5));
    for (const [keep, isKept] of [
      [{ columns: 0.5 }, (x: number) => x < 2],
      [{ mask: frame }, (x: number, y: number) => x % 3 === 0 || y % 3 === 0],
    ] as const) {
      const { codes } = await completePairs(models, { images, captions, keep, candidates: 1 });
      for (const [i, code] of codes.data.entries()) {
        expect(isKept(i % 4, (i >> 2) % 4) ? code : original[i]).toBe(original[i]);
      }
    }
  });

  it("goes on from a beginning as ever, however it is said", async () => {
    const { data, count } = await models.vqvae.encode(images);
    const codes = { data: data.filter((_, i) => i % 16 < 8), count, length: 8 };
    const prompt = models.tokenizer.promptForCompletion({ order: "text-first", captions, codes });
    const expected = (await completeSequences(models, prompt, { seed: 4 })).codes;
    for (const keep of [{ rows: 0.5 }, { codes: 8 }, { mask: Array.from({ length: 16 }, (_, i) => i < 8) }]) {
      const completion = { images, captions, keep, candidates: 3 };
      expect((await completePairs(models, completion, { seed: 4 })).codes).toEqual(expected);
    }
  });

  it("gives a row the same completion in any batch, and another with more candidates", async () => {
    const keep = { mask: Array.from({ length: 16 }, (_, i) => i % 3 === 2) };
    const all = await completePairs(models, { images, captions, keep, candidates: 3 }, { seed: 2, topP: 0.9 });
    const first = { images: only(images, 0), captions: captions.slice(0, 1), keep, candidates: 3 };
    const alone = await completePairs(models, first, { seed: 2, topP: 0.9 });
    expect(alone.codes.data).toEqual(all.codes.data.slice(0, 16));
    // More rows than are drawn at once.
    const many = await completePairs(models, { ...first, count: 34 }, { seed: 2, topP: 0.9 });
    expect(many.codes.data.slice(0, 16)).toEqual(alone.codes.data);
    const single = await completePairs(models, { images, captions, keep, candidates: 1 }, { seed: 2, topP: 0.9 });
    expect(single.codes).not.toEqual(all.codes);
  });

  it("is guided, by one scale or one that changes", async () => {
    const keep = { mask: Array.from({ length: 16 }, (_, i) => i % 2 === 1) };
    const complete = (guidance: number | { from: number; to: number } | undefined) =>
      completePairs(models, { images, captions, keep, candidates: 1 }, { seed: 1, guidance });
    const plain = await complete(undefined);
    expect(await complete(1)).toEqual(plain);
    const strong = await complete(9e4);
    expect(await complete({ from: 9e4, to: 9e4 })).toEqual(strong);
    expect(strong.codes).not.toEqual(plain.codes);
    expect((await complete({ from: 1, to: 9e4 })).codes).not.toEqual(strong.codes);
  });

  it("refuses no candidates, and stops", async () => {
    const keep = { mask: Array.from({ length: 16 }, (_, i) => i % 2 === 1) };
    await expect(completePairs(models, { images, keep, candidates: 0 })).rejects.toThrow(ConfigError);
    const signal = AbortSignal.abort();
    await expect(completePairs(models, { images, keep }, { signal })).rejects.toThrow(AbortedError);
  });
});

describe("guidance of drawImages", () => {
  const draw = (guidance: unknown) => drawImages(models, captions, { seed: 3, guidance: guidance as number });

  it("takes a number, or a scale that changes from the first code to the last", async () => {
    const plain = await draw(undefined);
    expect(await draw(1)).toEqual(plain);
    expect(await draw({ from: 1, to: 1 })).toEqual(plain);
    const strong = await draw(9e4);
    expect(await draw({ from: 9e4, to: 9e4 })).toEqual(strong);
    expect(await draw({ from: 0, to: 9e4, schedule: "cosine" })).not.toEqual(strong);
  });

  it.each([
    ["3", /guidance\.scale: expected a finite number/],
    [{ from: 1 }, /guidance\.scale\.to/],
    [{ from: 1, to: 2, shape: "linear" }, /shape/],
  ])("refuses %j", async (guidance, message) => {
    await expect(draw(guidance)).rejects.toThrow(message);
  });
});
