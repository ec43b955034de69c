import { ConfigError, VocabularyError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { MultimodalTokenizer } from "../tokenizer/multimodal-tokenizer.js";

const captions = ["to be", "or not to be"];
const tokenizer = MultimodalTokenizer.create({ layout: "text-only", captions });

describe('the layout "text-only"', () => {
  it("has ids for markers and words, and none for codes", () => {
    expect(tokenizer.ids).toEqual({
      special: { start: 0, count: 4 },
      image: { start: 4, count: 0 },
      text: { start: 4, count: 4 },
    });
    expect(tokenizer.describe(tokenizer.encode({ captions }))).toEqual([
      "<bos> to be <end> <pad> <pad> <eot>",
      "<bos> or not to be <end> <eot>",
    ]);
  });

  it("decodes what it encodes, also from its file", () => {
    const copy = MultimodalTokenizer.fromJSON(JSON.stringify(tokenizer));
    expect(copy.decode(tokenizer.encode({ captions }))).toMatchObject({ captions, codes: { count: 2, height: 0 } });
  });

  it("prompts with nothing, and with first words", () => {
    expect(tokenizer.describe(tokenizer.promptForPairs(1))).toEqual(["<bos>"]);
    const beginning = tokenizer.promptForCompletion({ order: "text-first", captions: ["or not"] });
    expect(tokenizer.describe(beginning)).toEqual(["<bos> or not"]);
  });

  it("has a grammar that every caption follows", () => {
    const { allowed, next, start, vocabularySize } = tokenizer.grammar();
    for (const row of [0, 1]) {
      let state = start;
      for (const id of tokenizer.encode({ captions }).data.subarray(row * 7, (row + 1) * 7)) {
        expect(allowed[state * vocabularySize + id]).toBe(1);
        state = next[state * vocabularySize + id]!;
      }
    }
  });

  it("takes no codes, and others need them", () => {
    const codeGrid = { height: 1, width: 1 };
    expect(() => MultimodalTokenizer.create({ layout: "text-only", captions, codebookSize: 3, codeGrid })).toThrow(
      /codebookSize: expected none in the layout "text-only", got 3/,
    );
    expect(() => MultimodalTokenizer.create({ captions })).toThrow(/For text alone choose the layout "text-only"/);
    expect(() => MultimodalTokenizer.create({ captions, codebookSize: 0, codeGrid })).toThrow(ConfigError);
  });
});

it("a text of any length becomes ids without markers, and back", () => {
  const text = "to be or not to be";
  const ids = tokenizer.encodeText(text);
  expect([...ids]).toEqual([7, 4, 6, 5, 7, 4]);
  expect(tokenizer.decodeText(ids)).toBe(text);
  expect(tokenizer.decodeText([tokenizer.specialId("<bos>"), ...ids])).toBe(text);
  expect(() => tokenizer.encodeText("to bee")).toThrow(/Text, words 2: "bee" .*Did you mean "be"/);
  expect(() => tokenizer.decodeText([99])).toThrow(VocabularyError);
  const characters = MultimodalTokenizer.create({ layout: "text-only", textUnit: "characters", captions: [text] });
  expect(characters.decodeText(characters.encodeText("tob"))).toBe("tob");
});
