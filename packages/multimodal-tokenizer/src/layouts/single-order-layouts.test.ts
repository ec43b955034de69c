import { GrammarError, VocabularyError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { MultimodalTokenizer } from "../tokenizer/multimodal-tokenizer.js";

const codebookSize = 5;
const codeGrid = { height: 2, width: 2 };
const codes = { data: Int32Array.of(0, 1, 2, 3, 4, 4, 4, 4), count: 2, ...codeGrid };

/** All sequences that the grammar accepts, as text. */
function language(tokenizer: MultimodalTokenizer): string[] {
  const { allowed, next, start, vocabularySize } = tokenizer.grammar();
  const walk = (state: number, ids: readonly number[]): number[][] => {
    const legal = Array.from({ length: vocabularySize }, (_, id) => id).filter(
      (id) => allowed[state * vocabularySize + id] === 1,
    );
    return legal.length === 0
      ? [[...ids]]
      : legal.flatMap((id) => walk(next[state * vocabularySize + id]!, [...ids, id]));
  };
  return walk(start, []).map(
    (ids) => tokenizer.describe({ data: Int32Array.from(ids), count: 1, length: ids.length })[0]!,
  );
}

describe('the layout "image-only"', () => {
  const tokenizer = MultimodalTokenizer.create({ layout: "image-only", codebookSize, codeGrid });

  it("has ids for a marker and codes, and none for words", () => {
    expect(tokenizer.ids).toEqual({
      special: { start: 0, count: 1 },
      image: { start: 1, count: 5 },
      text: { start: 6, count: 0 },
    });
    expect(tokenizer.sequenceLength).toBe(5);
    expect(tokenizer.describe(tokenizer.encode({ codes }))).toEqual(["<bos> 0 1 2 3", "<bos> 4 4 4 4"]);
    expect(tokenizer.decode(tokenizer.encode({ codes }))).toEqual({
      codes,
      captions: ["", ""],
      order: ["image-first", "image-first"],
    });
  });

  it("has a grammar that accepts exactly its images", () => {
    const all = language(tokenizer);
    expect([all.length, new Set(all).size]).toEqual([5 ** 4, 5 ** 4]);
    expect(all[1]).toBe("<bos> 0 0 0 1");
  });

  it("prompts with nothing, and with first codes, in either order", () => {
    expect(tokenizer.describe(tokenizer.promptForPairs(2))).toEqual(["<bos>", "<bos>"]);
    const half = { data: Int32Array.of(3, 1), count: 1, length: 2 };
    for (const order of ["text-first", "image-first"] as const) {
      expect(tokenizer.describe(tokenizer.promptForCompletion({ order, codes: half }))).toEqual(["<bos> 3 1"]);
    }
  });

  it("weighs no code as a prompt, and has neither words nor a condition", () => {
    const whole = tokenizer.encode({ codes });
    expect(tokenizer.toTrainingBatch(whole, { prompt: 0 }).weights).toBeUndefined();
    expect(() => tokenizer.withoutCondition(whole)).toThrow(VocabularyError);
    expect(() => tokenizer.promptForImages(["a"])).toThrow(GrammarError);
    expect(() => tokenizer.encode({ codes, captions: ["a", "b"] })).toThrow(GrammarError);
    expect(() => tokenizer.encodeText("a")).toThrow(/"a" is not in the vocabulary. It has no words/);
  });
});

describe('the layout "class"', () => {
  const captions = ["sad cat", "dog"];
  const tokenizer = MultimodalTokenizer.create({
    ...{ layout: "class", words: ["dog", " sad  cat"], codebookSize, codeGrid, nullToken: true },
  });

  it("has one id for the name of each class", () => {
    expect(tokenizer.config).toMatchObject({ textUnit: "classes", words: ["dog", "sad cat"] });
    expect(tokenizer.ids).toEqual({
      special: { start: 0, count: 2 },
      image: { start: 2, count: 5 },
      text: { start: 7, count: 2 },
    });
    expect(tokenizer.describe(tokenizer.encode({ codes, captions }))).toEqual([
      "<bos> sad cat 0 1 2 3",
      "<bos> dog 4 4 4 4",
    ]);
    expect(tokenizer.encode({ codes, captions: ["sad  cat", "dog "] })).toEqual(tokenizer.encode({ codes, captions }));
    expect(tokenizer.decode(tokenizer.encode({ codes, captions })).captions).toEqual(captions);
    const named = MultimodalTokenizer.create({
      layout: "class",
      captions: ["sad cat", "dog", "dog"],
      codebookSize,
      codeGrid,
    });
    expect(named.config.words).toEqual(["dog", "sad cat"]);
  });

  it("has a grammar that accepts exactly its images with a class", () => {
    const all = language(tokenizer);
    expect([all.length, new Set(all).size]).toEqual([2 * 5 ** 4, 2 * 5 ** 4]);
  });

  it("prompts with a class, with its first codes, and without a condition", () => {
    const prompt = tokenizer.promptForImages(captions);
    expect(tokenizer.describe(prompt)).toEqual(["<bos> sad cat", "<bos> dog"]);
    expect(tokenizer.describe(tokenizer.withoutCondition(prompt))).toEqual(["<bos> <null>", "<bos> <null>"]);
    const beginning = tokenizer.promptForCompletion({
      ...{ order: "text-first", captions: ["dog"], codes: { data: Int32Array.of(3), count: 1, length: 1 } },
    });
    expect(tokenizer.describe(beginning)).toEqual(["<bos> dog 3"]);
    expect(tokenizer.describe(tokenizer.withoutCondition(beginning))).toEqual(["<bos> <null> 3"]);
    expect(tokenizer.describe(tokenizer.withoutCondition(tokenizer.promptForPairs(1)))).toEqual(["<bos>"]);
  });

  it("has no prompt for captions, as no image stands before its class", () => {
    expect(() => tokenizer.promptForCaptions(codes)).toThrow(/layout "class" begin with the class/);
  });

  it("drops classes in training, and gives them the weight of a prompt", () => {
    const whole = tokenizer.encode({ codes, captions });
    const dropped = tokenizer.dropConditions(whole, { seed: 1, epoch: 0, probability: 1 });
    expect(tokenizer.describe(dropped)).toEqual(["<bos> <null> 0 1 2 3", "<bos> <null> 4 4 4 4"]);
    expect([...tokenizer.toTrainingBatch(dropped).weights!]).toEqual([0, 1, 1, 1, 1, 0, 1, 1, 1, 1]);
    const { weights } = tokenizer.toTrainingBatch(whole, { prompt: 0.5, text: 3 });
    expect([...weights!]).toEqual([1.5, 1, 1, 1, 1, 1.5, 1, 1, 1, 1]);
  });

  it("names classes near an unknown one, and takes one a caption", () => {
    expect(() => tokenizer.promptForImages(["sad cats"])).toThrow(/"sad cats".*Did you mean "sad cat"/);
    expect(() => tokenizer.promptForImages([""])).toThrow(/expected 1 classes, got 0/);
    expect(tokenizer.describe(tokenizer.promptForImages(["Dog"]))).toEqual(["<bos> dog"]);
  });
});
