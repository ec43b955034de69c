import { ConfigError } from "@mmgen/core";
import { expect, it } from "vitest";
import { MultimodalTokenizer } from "./multimodal-tokenizer.js";
import type { TokenizerOptions } from "./tokenizer-options.js";

const base = { codebookSize: 4, codeGrid: { height: 2, width: 2 } };

it.each<[string, TokenizerOptions, RegExp]>([
  ["neither words nor captions", base, /captions, words: expected exactly one/],
  ["both", { ...base, words: ["a"], captions: ["a"], captionLength: 1 }, /captions, words: expected exactly one/],
  ["words without a caption length", { ...base, words: ["a"] }, /captionLength: required/],
  ["empty captions", { ...base, captions: ["", " "] }, /at least one word/],
  ["no words", { ...base, words: [], captionLength: 1 }, /empty/],
  ["no codes", { ...base, codebookSize: 0, captions: ["a"] }, /codebookSize/],
  ["half a code", { ...base, codeGrid: { height: 0.5, width: 2 }, captions: ["a"] }, /codeGrid.height/],
  ["an enormous grid", { ...base, codeGrid: { height: 60_000, width: 60_000 }, captions: ["a"] }, /height × /],
  ["an unknown layout", { ...base, layout: "spiral" as "switch", captions: ["a"] }, /layout/],
  ["a word of two characters", { ...base, textUnit: "characters", words: ["ab"], captionLength: 1 }, /single char/],
  ["an alias that is a word", { ...base, captions: ["a b"], aliases: { a: "b" } }, /"a" → "b"/],
  [
    "a misspelled option",
    { ...base, captions: ["a"], codeBookSize: 4 } as TokenizerOptions,
    /did you mean "codebookSize"/,
  ],
  [
    "a misspelled part of one",
    { ...base, captions: ["a"], codeGrid: { height: 2, widht: 2 } as never },
    /did you mean "width"/,
  ],
  ["a caption that is not a string", { ...base, captions: [3 as never] }, /captions: expected strings, got 3/],
  [
    "a wrong bound",
    { ...base, words: ["a"], captionLength: { minimum: 1, maximun: 2 } as never },
    /captionLength.maximun: .*"maximum"/,
  ],
  [
    "an unknown part of lines",
    { ...base, layout: "lines", captions: ["1"], lines: { padding: "#" } as never },
    /lines.padding/,
  ],
  [
    "captions of images alone",
    { ...base, layout: "image-only", captions: ["a"] },
    /expected none of them in the layout/,
  ],
  [
    "a condition of images alone",
    { ...base, layout: "image-only", nullToken: true },
    /nullToken: the layout "image-only"/,
  ],
  ["classes without names", { ...base, layout: "class" }, /captions, words: expected exactly one/],
  ["classes of two ids", { ...base, layout: "class", words: ["a"], captionLength: 2 }, /captionLength: expected 1/],
  ["classes of words", { ...base, layout: "class", words: ["a"], textUnit: "words" }, /textUnit: expected "classes"/],
  ["names of classes in captions", { ...base, captions: ["a"], textUnit: "classes" }, /textUnit: expected "classes"/],
  ["captions without words", { ...base, words: ["a"], captionLength: 0 }, /captionLength.maximum/],
  ["lines of varying length", { ...base, layout: "lines", captions: ["1", "23"] }, /one length/],
])("refuses %s", (_, options, message) => {
  const call = () => MultimodalTokenizer.create(options);
  expect(call).toThrow(ConfigError);
  expect(call).toThrow(message);
});

it("accepts custom aliases, and by default eight for eigth if only that is in the vocabulary", () => {
  const make = (words: string[], aliases?: Record<string, string>) =>
    MultimodalTokenizer.create({ ...base, words, captionLength: 1, ...(aliases && { aliases }) });
  const own = make(["gray"], { grey: "gray" });
  expect(own.describe(own.promptForImages(["grey"]))).toEqual(["<bos> <eoi> gray <eot>"]);
  expect(make(["eigth"]).config.aliases).toEqual(new Map([["eight", "eigth"]]));
  expect(make(["eight", "eigth"]).config.aliases.size).toBe(0);
  expect(make(["nine"]).config.aliases.size).toBe(0);
});

it("does not change when the option objects are modified", () => {
  const codeGrid = { height: 2, width: 2 };
  const tokenizer = MultimodalTokenizer.create({ codebookSize: 4, codeGrid, captions: ["a"] });
  codeGrid.height = 3;
  expect(tokenizer.config.codeGrid.height).toBe(2);
});
