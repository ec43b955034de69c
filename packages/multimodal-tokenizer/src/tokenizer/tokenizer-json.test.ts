import { readFileSync } from "node:fs";
import { CheckpointError } from "@mmgen/core";
import { fuzz } from "@mmgen/core/fuzz.fixture";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MultimodalTokenizer } from "./multimodal-tokenizer.js";
import { anyPairs, digits, smallTokenizers } from "./tokenizers.fixture.js";

const plain = (tokenizer: MultimodalTokenizer) => JSON.parse(JSON.stringify(tokenizer));

describe.each(Object.entries({ digits: digits(), ...smallTokenizers }))("JSON of %s", (_, tokenizer) => {
  it("loads the same tokenizer, from text and from parsed data", () => {
    for (const json of [JSON.stringify(tokenizer), plain(tokenizer)]) {
      const read = MultimodalTokenizer.fromJSON(json);
      expect(read.config).toEqual(tokenizer.config);
      expect(read.ids).toEqual(tokenizer.ids);
      expect(JSON.stringify(read)).toBe(JSON.stringify(tokenizer));
      fc.assert(
        fc.property(anyPairs(tokenizer), (pairs) => {
          expect(read.encode(pairs)).toEqual(tokenizer.encode(pairs));
        }),
        { numRuns: 10 },
      );
    }
  });

  it("is refused with any field missing or of another type", () => {
    for (const field of Object.keys(plain(tokenizer))) {
      const { [field]: removed, ...rest } = plain(tokenizer);
      // A file of before mask tokens has none.
      if (field !== "maskToken") {
        expect(() => MultimodalTokenizer.fromJSON(rest)).toThrow(CheckpointError);
      }
      for (const value of [null, -1, 1.5, "", [], {}, [null], { height: 1e9, width: 1e9 }, [["a", "b", "c"]]]) {
        // No aliases are as good as some, and images alone have no words.
        const mayBeEmpty = field === "aliases" || (field === "words" && removed.length === 0);
        if (mayBeEmpty && Array.isArray(value) && value.length === 0) {
          continue;
        }
        expect(() => MultimodalTokenizer.fromJSON({ ...rest, [field]: value })).toThrow(CheckpointError);
      }
    }
  });
});

it.each(["switch", "terminated", "lines"])(
  "a file from before this version is read and written unchanged: %s",
  (name) => {
    const text = readFileSync(new URL(`../../fixtures/legacy/tokenizer-${name}.json`, import.meta.url), "utf8").trim();
    const tokenizer = MultimodalTokenizer.fromJSON(text);
    expect(tokenizer.config.layout).toBe(name);
    expect(JSON.stringify(tokenizer)).toBe(JSON.stringify(JSON.parse(text)));
  },
);

it.each([
  ["words", ["cafe\u0301", "the"]],
  ["words", ["cafe\u0301", "caf\u00e9", "the"]],
  ["characters", ["a", "c", "e", "f", "\u0301"]],
])("a file whose %s are not composed is read, and finds them: %j", (textUnit, words) => {
  const file = { ...plain(digits()), textUnit, words, aliases: [], captionLength: { minimum: 1, maximum: 5 } };
  const tokenizer = MultimodalTokenizer.fromJSON(file);
  expect(plain(tokenizer)).toEqual(file);
  const { data, length } = tokenizer.promptForImages(["cafe\u0301"]);
  const found = [...data.subarray(0, length)].filter((id) => tokenizer.modality(id) === "text");
  const caption = tokenizer.describe({ data: Int32Array.from(found), count: 1, length: found.length })[0]!;
  expect(caption.replaceAll(" ", textUnit === "words" ? " " : "").normalize("NFC")).toBe("caf\u00e9");
});

describe("fromJSON", () => {
  it("refuses any value that is not a tokenizer", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.string(), fc.anything()), (value) => {
        expect(() => MultimodalTokenizer.fromJSON(value)).toThrow(CheckpointError);
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[string, (json: ReturnType<typeof plain>) => unknown, RegExp]>([
    ["truncated text", (json) => JSON.stringify(json).slice(0, -5), /truncated/],
    ["another format", (json) => ({ ...json, format: "bpe" }), /"bpe"/],
    ["a later version", (json) => ({ ...json, version: 2 }), /version 2/],
    ["an unknown field", (json) => ({ ...json, extra: 1 }), /tokenizer.extra: there is no such field/],
    ["unsorted words", (json) => ({ ...json, words: json.words.toReversed() }), /sorted/],
    ["a word twice", (json) => ({ ...json, words: ["a", "a"], aliases: [] }), /repeats/],
    ["a word with a blank", (json) => ({ ...json, words: ["a b"], aliases: [] }), /blanks/],
    ["an alias for an unknown word", (json) => ({ ...json, aliases: [["x", "y"]] }), /"x" → "y"/],
    ["a codebook that is too large", (json) => ({ ...json, codebookSize: 2 ** 40 }), /codebookSize/],
    ["a minimum above the maximum", (json) => ({ ...json, captionLength: { minimum: 5, maximum: 2 } }), /minimum/],
    ["lines in another layout", (json) => ({ ...json, lines: plain(smallTokenizers.lines!).lines }), /line format/],
    ["lines without their format", (json) => ({ ...json, layout: "lines" }), /line format/],
    [
      "a __proto__ key",
      (json) => JSON.stringify(json).replace('"words":', '"__proto__":'),
      /tokenizer.words: expected/,
    ],
  ])("refuses %s", (_, change, message) => {
    const call = () => MultimodalTokenizer.fromJSON(change(plain(digits())));
    expect(call).toThrow(CheckpointError);
    expect(call).toThrow(message);
  });

  it.each<[string, object, RegExp]>([
    ["too few letters", { alphabet: "ABC" }, /at least 26/],
    ["a repeated letter", { alphabet: "AACDEFGHIJKLMNOPQRSTUVWXYZ" }, /distinct/],
    ["too short a line", { length: 24 }, /from 25 \(needed by/],
    ["too long a line", { length: 1e9 }, /to 65536, got 1000000000/],
    ["a missing placeholder", { imageFirst: "image:{image}." }, /\{image\} and then \{text\}/],
    ["placeholders in the wrong order", { textFirst: "{image}{text}" }, /\{text\} and then \{image\}/],
    ["a padding of two characters", { pad: "##" }, /one character/],
    ["a padding character that is a letter", { pad: "A" }, /"A" is both/],
  ])("refuses lines with %s", (_, change, message) => {
    const json = plain(smallTokenizers.lines!);
    const call = () => MultimodalTokenizer.fromJSON({ ...json, lines: { ...json.lines, ...change } });
    expect(call).toThrow(CheckpointError);
    expect(call).toThrow(message);
  });
});

it("holds against mutated files", async () => {
  await fuzz({
    name: "tokenizer.json",
    samples: Object.values(smallTokenizers).map((tokenizer) => new TextEncoder().encode(JSON.stringify(tokenizer))),
    json: true,
    parse: (bytes) => MultimodalTokenizer.fromJSON(new TextDecoder().decode(bytes)),
    words: ['"words":[', "[[[[[[[[[", "\\u0000", "1048576"],
    // The format and version are what a tokenizer's file has for a header.
    depth: (_, error) =>
      /The tokenizer (is|holds)/.test(error?.message ?? "")
        ? "none"
        : /Not a tokenizer/.test(error?.message ?? "")
          ? "signature"
          : "header",
  });
});
