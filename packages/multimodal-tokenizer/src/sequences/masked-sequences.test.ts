import { ConfigError, ShapeError, VocabularyError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { digits, smallTokenizers } from "../tokenizer/tokenizers.fixture.js";

const tokenizer = smallTokenizers["switch, masks"]!;
const codes = { data: Int32Array.of(0, 1, 2, 3, 4, 3, 2, 1), count: 2, height: 2, width: 2 };

it("a mask token moves image codes to the front, and the end of captions beside their words", () => {
  expect(tokenizer.ids).toEqual({
    image: { start: 0, count: 5 },
    special: { start: 5, count: 7 },
    text: { start: 12, count: 3 },
  });
  const specials = Array.from({ length: 7 }, (_, i) => i + 5);
  expect(tokenizer.describe({ data: Int32Array.from(specials), count: 1, length: 7 })[0]).toBe(
    "<bos> <eoi> <eot> <null> <mask> <pad> <end>",
  );
  expect(digits().ids.special).toEqual({ start: 0, count: 3 });
});

describe("maskedSequences", () => {
  it("writes what is known, and masks everything else", () => {
    const image = tokenizer.maskedSequences({ captions: ["a b", "c"] }, "text-first");
    expect(tokenizer.describe(image.ids)).toEqual([
      "<bos> <eoi> a b <end> <pad> <eot> <mask> <mask> <mask> <mask>",
      "<bos> <eoi> c <end> <pad> <pad> <eot> <mask> <mask> <mask> <mask>",
    ]);
    expect([...image.known]).toEqual([1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]);
    const text = tokenizer.maskedSequences({ codes }, "image-first");
    expect(tokenizer.describe(text.ids)[1]).toBe("<bos> <eot> 4 3 2 1 <eoi> <mask> <mask> <mask> <mask>");
    const pair = tokenizer.maskedSequences({ count: 1 }, "text-first");
    expect(tokenizer.describe(pair.ids)).toEqual([
      "<bos> <eoi> <mask> <mask> <mask> <mask> <eot> <mask> <mask> <mask> <mask>",
    ]);
  });

  it("keeps codes anywhere in an image, and first words", () => {
    const one = tokenizer.maskedSequences({ codes, knownCodes: Uint8Array.of(0, 1, 1, 0) }, "text-first");
    expect(tokenizer.describe(one.ids)).toEqual([
      "<bos> <eoi> <mask> <mask> <mask> <mask> <eot> <mask> 1 2 <mask>",
      "<bos> <eoi> <mask> <mask> <mask> <mask> <eot> <mask> 3 2 <mask>",
    ]);
    const each = tokenizer.maskedSequences({ codes, knownCodes: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1) }, "text-first");
    expect(tokenizer.describe(each.ids).map((row) => row.split("<eot> ")[1])).toEqual([
      "0 <mask> <mask> <mask>",
      "<mask> <mask> <mask> 1",
    ]);
    const beginning = { captions: ["a b", ""], captionsAreWhole: false, codes };
    expect(tokenizer.describe(tokenizer.maskedSequences(beginning, "image-first").ids)).toEqual([
      "<bos> <eot> 0 1 2 3 <eoi> a b <mask> <mask>",
      "<bos> <eot> 4 3 2 1 <eoi> <mask> <mask> <mask> <mask>",
    ]);
  });

  it("has rows of classes and of images alone", () => {
    const [classes, images] = [smallTokenizers["class, masks"]!, smallTokenizers["image-only, masks"]!];
    expect(classes.describe(classes.maskedSequences({ captions: ["dog"] }, "text-first").ids)).toEqual([
      "<bos> dog <mask> <mask> <mask> <mask>",
    ]);
    expect(classes.describe(classes.maskedSequences({ codes }, "text-first").ids)[0]).toBe("<bos> <mask> 0 1 2 3");
    expect(images.describe(images.maskedSequences({ count: 1 }, "image-first").ids)).toEqual([
      "<bos> <mask> <mask> <mask> <mask>",
    ]);
  });

  it("loses its condition as whole sequences do, whatever of it is masked", () => {
    const { ids } = tokenizer.maskedSequences({ codes, knownCodes: Uint8Array.of(1, 0, 0, 0) }, "text-first");
    expect(tokenizer.describe(tokenizer.withoutCondition(ids))[0]).toBe(
      "<bos> <eoi> <null> <null> <null> <null> <eot> 0 <mask> <mask> <mask>",
    );
  });

  it("gives masks weight 0 in the loss", () => {
    const { targets, weights } = tokenizer.toTrainingBatch(tokenizer.maskedSequences({ codes }, "text-first").ids);
    const mask = tokenizer.specialId("<mask>");
    expect([...weights!]).toEqual(Array.from(targets.data, (id) => (id === mask ? 0 : 1)));
  });

  it("refuses what cannot be", () => {
    const plain = digits();
    expect(() => plain.maskedSequences({ count: 1 }, "text-first")).toThrow(VocabularyError);
    expect(() => tokenizer.maskedSequences({}, "text-first")).toThrow(ConfigError);
    expect(() => tokenizer.maskedSequences({ codes, captions: ["a"] }, "text-first")).toThrow(ShapeError);
    expect(() => tokenizer.maskedSequences({ codes, knownCodes: new Uint8Array(3) }, "text-first")).toThrow(
      /4 for all/,
    );
    expect(() => tokenizer.maskedSequences({ codez: codes } as never, "text-first")).toThrow(/did you mean "codes"/);
  });
});

describe("endCaptions", () => {
  const row = (words: string) => {
    const start = tokenizer.maskedSequences(
      { codes: { ...codes, count: 1, data: codes.data.slice(0, 4) } },
      "text-first",
    );
    const names = Array.from(
      { length: tokenizer.vocabularySize },
      (_, id) => tokenizer.describe({ data: Int32Array.of(id), count: 1, length: 1 })[0]!,
    );
    start.ids.data.set(
      words.split(" ").map((word) => names.lastIndexOf(word)),
      2,
    );
    return start.ids;
  };

  it.each([
    ["a b c <end>", "a b c"],
    ["a b c <pad>", "a b c"],
    ["a <pad> b <end>", "a"],
    ["a <end> c <pad>", "a"],
    ["a b <pad> <end>", "a b"],
    ["a b <end> <pad>", "a b"],
  ])("%s becomes the caption %s", (words, caption) => {
    const given = row(words);
    const before = given.data.slice();
    const ended = tokenizer.endCaptions(given, "text-first");
    expect(given.data).toEqual(before);
    expect(tokenizer.decode(ended).captions).toEqual([caption]);
    expect(tokenizer.endCaptions(ended, "text-first")).toEqual(ended);
  });

  it("makes a pair of any ids that are legal at their positions", () => {
    for (const order of ["text-first", "image-first"] as const) {
      const { from, to } = tokenizer.positionRanges(order);
      for (let i = 0; i < 200; i++) {
        const data = Int32Array.from(from, (low, at) => low + ((i * 7919 + at * at * 104_729) % (to[at]! - low)));
        const ended = tokenizer.endCaptions({ data, count: 1, length: data.length }, order);
        const { captions, order: found } = tokenizer.decode(ended);
        expect(found).toEqual([order]);
        expect(tokenizer.encode({ ...tokenizer.decode(ended), order, captions })).toEqual(ended);
      }
    }
  });
});
