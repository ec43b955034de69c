import { useOnnx } from "@mmgen/backend-onnx";
import { ConfigError, ShapeError, sliceImages, VocabularyError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { MultimodalModel } from "../model/multimodal-model.js";
import { tinyTraining } from "../model/tiny-training.fixture.js";
import { type NextWord, nextWords } from "./next-words.js";

const sum = (words: readonly NextWord[]) => words.reduce((total, { probability }) => total + probability, 0);
const images = sliceImages(tinyTraining.images, 0, 2);

beforeAll(async () => {
  await useOnnx();
});

describe("nextWords", () => {
  it("finds the words that the model writes, one after the other, likeliest", async () => {
    using model = await MultimodalModel.train(tinyTraining);
    const captions = await model.caption(images);
    const before = tf.memory().numTensors;
    const longest = Math.max(...captions.map((caption) => caption.split(" ").length));
    for (let length = 0; length < longest; length++) {
      const beginnings = captions.map((caption) => caption.split(" ").slice(0, length).join(" "));
      const found = await nextWords(model, { captions: beginnings, images });
      for (const [row, words] of found.entries()) {
        expect(words[0]!.word).toBe(captions[row]!.split(" ")[length] ?? "");
        expect(sum(words)).toBeCloseTo(1, 10);
        expect(words.map(({ probability }) => probability)).toEqual(
          words.map(({ probability }) => probability).sort((a, b) => b - a),
        );
      }
    }
    expect(tf.memory().numTensors).toBe(before);
    // Rows of any length, before their image.
    const [first, whole] = await nextWords(model, { captions: ["", tinyTraining.captions[0]!] });
    expect(sum(first!)).toBeCloseTo(1, 10);
    expect(whole).toEqual([]);

    await expect(nextWords(model, { captions: ["a mauve"] })).rejects.toThrow(VocabularyError);
    await expect(nextWords(model, { captions: [""], images })).rejects.toThrow(ShapeError);
  });

  it("reads them at the first masked place of a model that sees both sides", async () => {
    using model = await MultimodalModel.train({ ...tinyTraining, family: "diffusion" });
    const [before, after, whole] = await nextWords(model, { captions: ["", "a", tinyTraining.captions[0]!] });
    expect([sum(before!), sum(after!)]).toEqual([expect.closeTo(1, 10), expect.closeTo(1, 10)]);
    expect(whole).toEqual([]);
    const [one, other] = await nextWords(model, { captions: ["a", "a"], images });
    expect(one).not.toEqual(other);
  });

  it("has none for models of images alone", async () => {
    const { captions: _, heldOut: __, ...alone } = tinyTraining;
    using model = await MultimodalModel.train(alone);
    await expect(nextWords(model, { captions: [""] })).rejects.toThrow(ConfigError);
  });
});
