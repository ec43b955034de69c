import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DataError, Random, VocabularyError } from "@mmgen/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commonMistakes } from "./evaluate.js";
import { formatLetters, letterCounts, lineExamples, lineTokenizer, parseLetters, readPreparedLines } from "./lines.js";
import { formatMistake } from "./report.js";

const tokenizer = lineTokenizer(26, 8);
const words = ["ABCDEFGH", "ZYXWVUTS", "AAAAAAAA"];
const pairs = { codes: parseLetters(tokenizer, words), captions: ["7", "0", "7"] };

describe("letters", () => {
  it("are codes and back", () => {
    expect(pairs.codes).toMatchObject({ count: 3, height: 1, width: 8 });
    expect([...pairs.codes.data.subarray(0, 8)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(formatLetters(tokenizer, pairs.codes)).toEqual(words);
  });

  it.each([
    ["ABCDEFG", "an image has 8 letters, got 7"],
    ["ABCDEFGHI", "got 9"],
    ["", "got 0"],
    ["ABCDEFGh", 'no image has the letter "h"; there are A to Z'],
    ["ABCD EFG", 'the letter " "'],
  ])("%j is refused: %s", (word, message) => {
    expect(() => parseLetters(tokenizer, [word])).toThrow(VocabularyError);
    expect(() => parseLetters(tokenizer, [word])).toThrow(message);
  });

  it("are counted by digit and place", () => {
    const counts = letterCounts(tokenizer, pairs);
    expect(counts[7]![0]![0]).toBe(2);
    expect(counts[7]![7]![0]).toBe(1);
    expect(counts[0]![0]![25]).toBe(1);
    expect(counts.flat().reduce((sum, place) => sum + place.reduce((all, count) => all + count, 0), 0)).toBe(24);
  });
});

describe("lineExamples", () => {
  const context = { epoch: 0, training: true, random: Random.fromSeed(1) };

  it("leave the padding out and weigh the digit", async () => {
    const config = { digitWeight: 5, promptWeight: 1, orders: "anew" } as const;
    const examples = lineExamples({ tokenizer, pairs, config, seed: 1 });
    const { inputs, targets, weights } = await examples.batch(Int32Array.of(0), context);
    expect([inputs.length, targets.length, weights!.length]).toEqual([24, 24, 24]);
    expect([...weights!].filter((weight) => weight === 5)).toHaveLength(1);
    const [line] = tokenizer.describe({ data: inputs.data, count: 1, length: 24 });
    expect(["number:7, image:ABCDEFGH", "image:ABCDEFGH, number:7"]).toContain(line);
  });

  it("weigh a prompt less: the digit of a line that draws, the letters of a line that classifies", async () => {
    const examples = lineExamples({
      ...{ tokenizer, seed: 1 },
      pairs: { ...pairs, orders: ["text-first", "image-first", "image-first"] },
      config: { digitWeight: 5, promptWeight: 0.1, orders: "once" },
    });
    const { weights } = await examples.batch(Int32Array.of(0, 1), context);
    const ones = (count: number) => new Array<number>(count).fill(1);
    // "number:7, image:ABCDEFGH." and "image:ZYXWVUTS, number:0.", each from its second character on.
    const drawing = [...ones(6), 5 * 0.1, ...ones(8), ...ones(8), 1];
    const reading = [...ones(5), ...new Array<number>(8).fill(0.1), ...ones(9), 5, 1];
    expect(weights).toEqual(Float32Array.from([...drawing, ...reading]));
  });

  it("draw the order anew each time, about half and half, or once for all", async () => {
    const imageFirstLines = async (orders: "anew" | "once", step: number) => {
      const examples = lineExamples({ tokenizer, pairs, config: { digitWeight: 1, promptWeight: 1, orders }, seed: 3 });
      const random = Random.fromSeed(2).fork(step);
      const { inputs } = await examples.batch(new Int32Array(64).fill(1), { ...context, random });
      const lines = tokenizer.describe({ data: inputs.data, count: 64, length: 24 });
      return lines.filter((line) => line.startsWith("image")).length;
    };
    const anew = await Promise.all([0, 1, 2, 3].map((step) => imageFirstLines("anew", step)));
    // 256 draws: 128 ± 4 standard deviations of 8.
    expect(anew.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(96);
    expect(anew.reduce((sum, count) => sum + count, 0)).toBeLessThan(160);
    const once = await Promise.all([0, 1].map((step) => imageFirstLines("once", step)));
    expect(once[0]! % 64).toBe(0);
    expect(once[1]).toBe(once[0]);
  });

  it("keep the order of lines that have one", async () => {
    const ordered = { ...pairs, orders: ["image-first", "text-first", "image-first"] as const };
    const examples = lineExamples({
      tokenizer,
      pairs: ordered,
      config: { digitWeight: 1, promptWeight: 1, orders: "once" },
      seed: 1,
    });
    const { inputs } = await examples.batch(Int32Array.of(0, 1, 2), context);
    const lines = tokenizer.describe({ data: inputs.data, count: 3, length: 24 });
    expect(lines.map((line) => line.slice(0, 6))).toEqual(["image:", "number", "image:"]);
  });
});

describe("readPreparedLines", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "mmgen-lines-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const train = "image:ABCDEFGH, number:7.#######\nnumber:0, image:ZYXWVUTS.#######\n";
  const valid = "number:3, image:QQQQQQQQ.#######\n";
  const write = async (name: string, trainText: string | Uint8Array, validText?: string | Uint8Array) => {
    await writeFile(join(folder, `${name}-train.txt`), trainText);
    if (validText !== undefined) {
      await writeFile(join(folder, `${name}-valid.txt`), validText);
    }
    return readPreparedLines(join(folder, `${name}-train.txt`), tokenizer);
  };

  it("reads lines and those for validation beside them, packed or not", async () => {
    for (const pack of [(text: string) => text, (text: string) => gzipSync(text)]) {
      const { train: pairs, validation } = await write("good", pack(train), pack(valid));
      expect(formatLetters(tokenizer, pairs.codes)).toEqual(["ABCDEFGH", "ZYXWVUTS"]);
      expect(pairs).toMatchObject({ captions: ["7", "0"], orders: ["image-first", "text-first"] });
      expect(validation.captions).toEqual(["3"]);
    }
  });

  it.each<[string, string | Uint8Array, string | undefined, RegExp]>([
    ["an empty file", "\n", valid, /holds no lines/],
    ["a short line", train.replace("#######\n", "\n"), valid, /Line 1: expected 32 characters.*got 25/],
    ["a letter that is missing", train.replace("ABCDEFGH", "ABCDEFG").replace("#", "##"), valid, /Row 0, position 13/],
    ["a foreign character", train.replace("A", "ä"), valid, /Line 1, character 7: "ä" is not in the vocabulary/],
    ["a truncated gz", gzipSync(train).subarray(0, 20), valid, /not readable as gzip/],
    // 65 MiB of zeros in 67 kB.
    ["a gz bomb", Buffer.concat(Array(65).fill(gzipSync(new Uint8Array(2 ** 20)))), valid, /at most 67108864 bytes/],
    ["what is no UTF-8", Uint8Array.of(0xff, 0x0a), valid, /text in UTF-8/],
    ["no validation beside it", train, undefined, /valid\.txt/],
  ])("refuses %s by name", async (name, trainText, validText, message) => {
    const error: unknown = await write(name.replaceAll(" ", "-"), trainText, validText).catch((reason) => reason);
    expect(DataError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
  });

  it("refuses a name that has no counterpart", async () => {
    await expect(readPreparedLines(join(folder, "lines.txt"), tokenizer)).rejects.toThrow("expected a file named as");
  });
});

describe("commonMistakes", () => {
  it("lists them by their share of the digit's images", () => {
    const confusion: number[][] = Array.from({ length: 10 }, (_, row) =>
      Array.from({ length: 10 }, (_, i) => (i === row ? 90 : 0)),
    );
    confusion[4]![9] = 10;
    confusion[0]![6] = 30;
    const mistakes = commonMistakes({ confusion });
    expect(mistakes.map(formatMistake)).toEqual(["0 as 6: 25.0 % (30)", "4 as 9: 10.0 % (10)"]);
    expect(commonMistakes({ confusion }, 1)).toHaveLength(1);
  });
});
