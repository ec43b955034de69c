import { ConfigError, GrammarError, ShapeError, VocabularyError } from "@mmgen/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Order } from "../layouts/orders.js";
import type { LossWeights } from "../sequences/training-batch.js";
import { MultimodalTokenizer } from "./multimodal-tokenizer.js";
import { anyPairs, digits, digitWords, smallTokenizers } from "./tokenizers.fixture.js";

const ramp = (count: number, size = 49) => ({
  data: Int32Array.from({ length: count * size }, (_, i) => (i * 37) % 1024),
  count,
  height: 7,
  width: 7,
});

describe("vocabulary", () => {
  it("numbers special tokens, image codes and sorted words in separate ranges", () => {
    const { ids, vocabularySize } = digits();
    expect(ids).toEqual({
      special: { start: 0, count: 3 },
      image: { start: 3, count: 1024 },
      text: { start: 1027, count: 31 },
    });
    expect(vocabularySize).toBe(1058);
    expect(digits().config.words).toEqual([...digitWords].sort());
  });

  it("gives every id one modality and one name", () => {
    for (const tokenizer of Object.values(smallTokenizers)) {
      const seen = { special: 0, image: 0, text: 0 };
      for (let id = 0; id < tokenizer.vocabularySize; id++) {
        seen[tokenizer.modality(id)]++;
      }
      expect(seen).toEqual({
        special: tokenizer.ids.special.count,
        image: tokenizer.config.codebookSize,
        text: tokenizer.config.words.length,
      });
      expect(() => tokenizer.modality(tokenizer.vocabularySize)).toThrow(VocabularyError);
    }
  });

  it("takes words and caption length from captions", () => {
    const make = (captions: string[]) =>
      MultimodalTokenizer.create({ captions, codebookSize: 2, codeGrid: { height: 1, width: 1 } });
    expect(make(["b a", "c  a"]).config).toMatchObject({
      words: ["a", "b", "c"],
      captionLength: { minimum: 2, maximum: 2 },
    });
    expect(make(["b", "c a b"]).config.captionLength).toEqual({ minimum: 1, maximum: 3 });
  });

  it("names an unknown word, its caption and similar known words", () => {
    const promise = () => digits().promptForImages(["dark green one on bright cyan", "dark grean one on bright cyan"]);
    expect(promise).toThrow(VocabularyError);
    expect(promise).toThrow(/Caption 1: "grean" .* "green"/);
    expect(() => digits().promptForImages(["dark green xylophone on bright cyan"])).toThrow(/"xylophone"/);
  });

  it('reads "eight" as the data\'s "eigth", and capitals as lower case', () => {
    const tokenizer = digits();
    const prompt = tokenizer.promptForImages(["Dark green eight on bright cyan"]);
    expect(tokenizer.describe(prompt)).toEqual(["<bos> <eoi> dark green eigth on bright cyan <eot>"]);
  });
});

describe("switch layout", () => {
  it("announces the next modality: 58 ids for 49 codes and 6 words", () => {
    const tokenizer = digits();
    expect(tokenizer.sequenceLength).toBe(58);
    const codes = ramp(2);
    const tokens = tokenizer.encode({
      codes,
      captions: ["dark green one on bright cyan", "plain red two on light blue"],
      order: ["text-first", "image-first"],
    });
    const image = (row: number) => [...codes.data.subarray(row * 49, row * 49 + 49)].join(" ");
    expect(tokenizer.describe(tokens)).toEqual([
      `<bos> <eoi> dark green one on bright cyan <eot> ${image(0)}`,
      `<bos> <eot> ${image(1)} <eoi> plain red two on light blue`,
    ]);
  });
});

describe("terminated layout", () => {
  it("ends each modality with its marker", () => {
    const tokenizer = smallTokenizers["terminated, one length"]!;
    const codes = { data: Int32Array.of(0, 1, 2, 3, 4, 3, 2, 1), count: 2, height: 2, width: 2 };
    const tokens = tokenizer.encode({ codes, captions: ["a b c", "d d d"], order: "halves" });
    expect(tokenizer.describe(tokens)).toEqual(["<bos> a b c <eot> 0 1 2 3 <eoi>", "<bos> 4 3 2 1 <eoi> d d d <eot>"]);
  });
});

describe("captions of varying length", () => {
  it("end with a marker and padding, which has weight 0 in the loss", () => {
    const tokenizer = smallTokenizers["switch, varying length"]!;
    const codes = { data: new Int32Array(8), count: 2, height: 2, width: 2 };
    const tokens = tokenizer.encode({ codes, captions: ["a", "b c d"], order: ["text-first", "image-first"] });
    expect(tokenizer.describe(tokens)).toEqual([
      "<bos> <eoi> a <end> <pad> <pad> <eot> 0 0 0 0",
      "<bos> <eot> 0 0 0 0 <eoi> b c d <end>",
    ]);
    const { weights } = tokenizer.toTrainingBatch(tokens);
    expect([...weights!]).toEqual([1, 1, 1, 0, 0, 1, 1, 1, 1, 1, ...new Array(10).fill(1)]);
  });
});

describe("lines layout", () => {
  it("parses lines to ids, and names the line that it cannot parse", () => {
    const tokenizer = smallTokenizers.lines!;
    const lines = ["image:ABCDEFGH, number:7.#######", "number:0, image:ZZZZZZZZ.#######"];
    const tokens = tokenizer.readLines(lines);
    expect(tokenizer.describe(tokens)).toEqual(lines);
    expect(tokenizer.decode(tokens).captions).toEqual(["7", "0"]);
    expect(() => tokenizer.readLines(["image:ABCDEFGH, number:7."])).toThrow(/Line 1: expected 32 characters.*got 25/);
    expect(() => tokenizer.readLines([lines[0]!, lines[1]!.replace("Z", "é")])).toThrow(
      'Line 2, character 17: "é" is not in the vocabulary',
    );
    // All characters are in the vocabulary, but a letter is missing, so the line is not a pair.
    const short = tokenizer.readLines(["image:ABCDEFG, number:7.########"]);
    expect(() => tokenizer.decode(short)).toThrow(/Row 0, position 13/);
    expect(() => smallTokenizers["switch, characters"]!.readLines([])).toThrow(ConfigError);
  });

  it("gives its padding weight 0 in the loss", () => {
    const tokenizer = smallTokenizers.lines!;
    const { weights } = tokenizer.toTrainingBatch(tokenizer.readLines(["image:ABCDEFGH, number:7.#######"]));
    expect([...weights!]).toEqual([...new Array(24).fill(1), ...new Array(7).fill(0)]);
  });

  it("writes lines of 32 characters from a vocabulary of 50", () => {
    const tokenizer = smallTokenizers.lines!;
    const codes = {
      data: Int32Array.from("ABCDEFGHZYXWVUTS", (c) => c.charCodeAt(0) - 65),
      count: 2,
      height: 1,
      width: 8,
    };
    const tokens = tokenizer.encode({ codes, captions: ["7", "0"], order: ["image-first", "text-first"] });
    expect(tokenizer.describe(tokens)).toEqual([
      "image:ABCDEFGH, number:7.#######",
      "number:0, image:ZYXWVUTS.#######",
    ]);
    expect(tokenizer.vocabularySize).toBe(50);
    expect(tokenizer.sequenceLength).toBe(32);
  });

  it("refuses characters with two meanings", () => {
    const make = (words: string[]) =>
      MultimodalTokenizer.create({
        layout: "lines",
        words,
        captionLength: 1,
        codebookSize: 26,
        codeGrid: { height: 1, width: 8 },
      });
    expect(() => make(["a"])).toThrow(ConfigError);
    expect(() => make(["A"])).toThrow(ConfigError);
  });
});

describe.each(Object.entries(smallTokenizers))("%s", (_, tokenizer) => {
  it("decodes what it encoded", () => {
    fc.assert(
      fc.property(anyPairs(tokenizer), (pairs) => {
        const { codes, captions, order } = tokenizer.decode(tokenizer.encode(pairs));
        expect(codes).toEqual(pairs.codes);
        expect(captions).toEqual(pairs.captions);
        expect(order).toEqual(pairs.order);
      }),
      { numRuns: 200 },
    );
  });

  it("encodes sequences whose ids have the modalities of their positions", () => {
    fc.assert(
      fc.property(anyPairs(tokenizer), (pairs) => {
        const { data, length } = tokenizer.encode(pairs);
        pairs.order.forEach((order, row) => {
          tokenizer.modalities(order).forEach((modality, i) => {
            const actual = tokenizer.modality(data[row * length + i]!);
            const name = tokenizer.describe({
              data: data.subarray(row * length + i, row * length + i + 1),
              count: 1,
              length: 1,
            })[0];
            expect(name === "<end>" || name === "<pad>" ? "text" : actual).toBe(modality);
          });
        });
      }),
      { numRuns: 50 },
    );
  });

  it("after a change of one id, refuses the sequence or decodes exactly the changed ids", () => {
    let refused = 0;
    fc.assert(
      fc.property(anyPairs(tokenizer), fc.nat(), fc.nat(), (pairs, at, id) => {
        const tokens = tokenizer.encode(pairs);
        if (tokens.count > 0) {
          tokens.data[at % tokens.data.length] = id % tokenizer.vocabularySize;
          try {
            const { order, ...read } = tokenizer.decode(tokens);
            expect(tokenizer.encode({ ...read, order: order })).toEqual(tokens);
          } catch (error) {
            expect(GrammarError.isInstance(error)).toBe(true);
            refused++;
          }
        }
      }),
      { numRuns: 200 },
    );
    // Of an image alone most changes give another image.
    expect(refused).toBeGreaterThan(tokenizer.orders.length === 2 ? 50 : 20);
  });

  it("shifts inputs and targets by one", () => {
    fc.assert(
      fc.property(anyPairs(tokenizer), (pairs) => {
        const tokens = tokenizer.encode(pairs);
        const { inputs, targets } = tokenizer.toTrainingBatch(tokens);
        const { length, count } = tokens;
        expect([inputs.length, targets.length, inputs.count]).toEqual([length - 1, length - 1, count]);
        for (let row = 0; row < count; row++) {
          const whole = [...tokens.data.subarray(row * length, (row + 1) * length)];
          expect([...inputs.data.subarray(row * (length - 1), (row + 1) * (length - 1))]).toEqual(whole.slice(0, -1));
          expect([...targets.data.subarray(row * (length - 1), (row + 1) * (length - 1))]).toEqual(whole.slice(1));
        }
      }),
      { numRuns: 30 },
    );
  });
});

it("weighs targets by modality", () => {
  const tokenizer = smallTokenizers["switch, one length"]!;
  const tokens = tokenizer.encode({
    codes: { data: new Int32Array(4), count: 1, height: 2, width: 2 },
    captions: ["a b c"],
  });
  expect(tokenizer.toTrainingBatch(tokens).weights).toBeUndefined();
  const { weights } = tokenizer.toTrainingBatch(tokens, { image: 0.5, special: 0 });
  expect([...weights!]).toEqual([0, 1, 1, 1, 0, 0.5, 0.5, 0.5, 0.5]);
  expect(() => tokenizer.toTrainingBatch(tokens, { text: Number.NaN })).toThrow(ConfigError);
});

it("applies the prompt weight to the modality that comes first", () => {
  const tokenizer = smallTokenizers["switch, one length"]!;
  const pair = { codes: { data: new Int32Array(4), count: 1, height: 2, width: 2 }, captions: ["a b c"] };
  const weigh = (order: Order, weights: LossWeights) => [
    ...tokenizer.toTrainingBatch(tokenizer.encode({ ...pair, order }), weights).weights!,
  ];
  expect(weigh("text-first", { prompt: 0, special: 0 })).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1]);
  expect(weigh("image-first", { prompt: 0, special: 0 })).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1]);
  expect(weigh("image-first", { prompt: 0.5, text: 4 })).toEqual([1, 0.5, 0.5, 0.5, 0.5, 1, 4, 4, 4]);
  expect(() => weigh("text-first", { prompt: -1 })).toThrow(ConfigError);
});

it("refuses pairs and sequences of wrong shapes or lengths", () => {
  const tokenizer = digits();
  const caption = "dark green one on bright cyan";
  expect(() => tokenizer.encode({ codes: ramp(2), captions: [caption] })).toThrow(ShapeError);
  expect(() => tokenizer.encode({ codes: ramp(1), captions: ["dark green one"] })).toThrow(/expected 6 words, got 3/);
  expect(() => tokenizer.encode({ codes: { ...ramp(1), height: 49, width: 1 }, captions: [caption] })).toThrow(
    ShapeError,
  );
  expect(() => tokenizer.decode({ data: new Int32Array(57), count: 1, length: 57 })).toThrow(ShapeError);
  const tokens = tokenizer.encode({ codes: ramp(1), captions: [caption] });
  tokens.data[20] = 1030;
  tokens.data[30] = 1030;
  expect(() => tokenizer.decode(tokens)).toThrow(/Row 0, position 20: text id 1030/);
});
