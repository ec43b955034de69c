import { describe, expect, it } from "vitest";
import { MultimodalTokenizer } from "../tokenizer/multimodal-tokenizer.js";
import { matchIds } from "./vocabulary.js";

const codes = { codebookSize: 4, codeGrid: { height: 1, width: 2 } };
const small = MultimodalTokenizer.create({ ...codes, words: ["blue", "eigth", "red"], captionLength: 2 });

describe("matchIds", () => {
  it("finds each id of a vocabulary in itself", () => {
    expect([...matchIds(small, small)]).toEqual(Array.from({ length: small.vocabularySize }, (_, id) => id));
  });

  it("matches codes, words and special tokens of a vocabulary with more words, markers and another order of ids", () => {
    const large = MultimodalTokenizer.create({
      ...codes,
      ...{ words: ["blue", "eight", "green", "red"], captionLength: { minimum: 1, maximum: 3 } },
      ...{ maskToken: true, nullToken: true },
    });
    const ids = matchIds(large, small);
    const meaning = (id: number) =>
      id < 0 ? "nothing" : small.describe({ data: Int32Array.of(id), count: 1, length: 1 })[0];
    expect(ids.length).toBe(large.vocabularySize);
    for (const name of ["<bos>", "<eoi>", "<eot>"]) {
      expect(ids[large.specialId(name)]).toBe(small.specialId(name));
    }
    for (const name of ["<end>", "<pad>", "<null>", "<mask>"]) {
      expect(ids[large.specialId(name)]).toBe(-1);
    }
    const { image, text } = large.ids;
    expect([...ids.subarray(image.start, image.start + image.count)].map(meaning)).toEqual(["0", "1", "2", "3"]);
    // "eight" is another spelling of the small vocabulary's "eigth".
    const words = [...ids.subarray(text.start, text.start + text.count)].map(meaning);
    expect(words).toEqual(["blue", "eigth", "nothing", "red"]);
  });

  it("knows no code beyond the other's codebook", () => {
    const more = MultimodalTokenizer.create({ ...codes, codebookSize: 6, words: ["red"], captionLength: 1 });
    const { start } = more.ids.image;
    expect([...matchIds(more, small).subarray(start + 3, start + 6)]).toEqual([small.ids.image.start + 3, -1, -1]);
  });
});
