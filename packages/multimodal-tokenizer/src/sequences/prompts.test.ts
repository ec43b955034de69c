import { ConfigError, GrammarError, ShapeError } from "@mmgen/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyPairs, digits, smallTokenizers, twoOrderTokenizers } from "../tokenizer/tokenizers.fixture.js";
import { captionUnits } from "../vocabulary/captions.js";

const sameStart = (prompt: ArrayLike<number>, whole: Int32Array) =>
  expect(Array.from(prompt)).toEqual([...whole.subarray(0, prompt.length)]);

describe.each(Object.entries(twoOrderTokenizers))("prompts, %s", (_, tokenizer) => {
  const size = tokenizer.config.codeGrid.height * tokenizer.config.codeGrid.width;

  it("are beginnings of whole sequences, up to the first code or word to generate", () => {
    fc.assert(
      fc.property(anyPairs(tokenizer), (pairs) => {
        fc.pre(pairs.captions.length > 0);
        const row = { codes: { ...pairs.codes, data: pairs.codes.data.subarray(0, size), count: 1 } };
        const captions = pairs.captions.slice(0, 1);
        const images = tokenizer.promptForImages(captions);
        sameStart(images.data, tokenizer.encode({ ...row, captions, order: "text-first" }).data);
        expect(tokenizer.modalities("text-first").indexOf("image")).toBe(images.length);
        const texts = tokenizer.promptForCaptions(row.codes);
        sameStart(texts.data, tokenizer.encode({ ...row, captions, order: "image-first" }).data);
        expect(tokenizer.modalities("image-first").indexOf("text")).toBe(texts.length);
        for (const order of ["text-first", "image-first"] as const) {
          sameStart(tokenizer.promptForPairs(1, order).data, tokenizer.encode({ ...row, captions, order }).data);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("accept any part of the first modality, or of the second after the complete first", () => {
    fc.assert(
      fc.property(anyPairs(tokenizer), fc.nat({ max: size }), fc.nat({ max: 3 }), ({ codes, captions }, cut, words) => {
        fc.pre(captions.length > 0);
        const blank = tokenizer.config.textUnit === "words" ? " " : "";
        const units = captionUnits(captions[0]!, tokenizer.config.textUnit);
        const row = {
          codes: { ...codes, data: codes.data.subarray(0, size), count: 1 },
          captions: captions.slice(0, 1),
        };
        const part = { data: codes.data.subarray(0, cut), count: 1, length: cut };
        const begun = [units.slice(0, words).join(blank)];
        const wholeImage = { data: row.codes.data, count: 1, length: size };
        for (const [prompt, order] of [
          [{ codes: part }, "image-first"],
          [{ captions: begun }, "text-first"],
          [{ codes: wholeImage, captions: begun }, "image-first"],
          [{ codes: part, captions: row.captions }, "text-first"],
        ] as const) {
          const completed = tokenizer.promptForCompletion({ order, ...prompt });
          sameStart(completed.data, tokenizer.encode({ ...row, order }).data);
          const images = completed.data.filter((id) => tokenizer.modality(id) === "image");
          expect(images.length).toBe("codes" in prompt ? prompt.codes.length : 0);
        }
      }),
      { numRuns: 100 },
    );
  });
});

it("completes half an image and three words", () => {
  const tokenizer = digits();
  const half = { data: Int32Array.from({ length: 28 }, (_, i) => i), count: 1, length: 28 };
  expect(tokenizer.promptForCompletion({ order: "image-first", codes: half }).length).toBe(30);
  const words = tokenizer.promptForCompletion({ order: "text-first", captions: ["dark green one"] });
  expect(tokenizer.describe(words)).toEqual(["<bos> <eoi> dark green one"]);
});

it("starts pairs at the marker that determines the order, or before it", () => {
  const tokenizer = digits();
  expect(tokenizer.describe(tokenizer.promptForPairs(2))).toEqual(["<bos>", "<bos>"]);
  expect(tokenizer.describe(tokenizer.promptForPairs(2, "halves"))).toEqual(["<bos> <eoi>", "<bos> <eot>"]);
  const lines = smallTokenizers.lines!;
  expect(lines.describe(lines.promptForPairs(2, "halves"))).toEqual(["number", "image:"]);
  expect(() => lines.promptForPairs(2)).toThrow(ConfigError);
  expect(() => tokenizer.promptForPairs(1.5)).toThrow(ConfigError);
});

it("refuses content that is not the beginning of a pair", () => {
  const tokenizer = digits();
  const half = { data: new Int32Array(28), count: 1, length: 28 };
  const caption = "dark green one on bright cyan";
  expect(() => tokenizer.promptForCompletion({ order: "image-first", codes: half, captions: [caption] })).toThrow(
    ConfigError,
  );
  expect(() => tokenizer.promptForCompletion({ order: "text-first", codes: half })).toThrow(ConfigError);
  expect(() => tokenizer.promptForCompletion({ order: "text-first", codes: half, captions: ["dark"] })).toThrow(
    GrammarError,
  );
  expect(() => tokenizer.promptForCompletion({ order: "text-first", captions: ["dark", "dark green"] })).toThrow(
    ShapeError,
  );
  expect(() => tokenizer.promptForCompletion({ order: "text-first" })).toThrow(ShapeError);
  const long = { data: new Int32Array(50), count: 1, length: 50 };
  expect(() => tokenizer.promptForCompletion({ order: "image-first", codes: long })).toThrow(ConfigError);
});
