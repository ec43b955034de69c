import { describe, expect, it } from "vitest";
import { MultimodalTokenizer } from "./multimodal-tokenizer.js";

describe("text in either Unicode form", () => {
  it.each(["words", "characters"] as const)("takes either Unicode form of a letter as one: %s", (textUnit) => {
    const [one, two] = ["un caf\u00e9", "un cafe\u0301"];
    const rest = { codebookSize: 2, codeGrid: { height: 1, width: 1 }, textUnit };
    const codes = { data: Int32Array.of(0), count: 1, height: 1, width: 1 };
    for (const caption of [one, two]) {
      const tokenizer = MultimodalTokenizer.create({ captions: [caption], ...rest });
      const units = textUnit === "words" ? ["caf\u00e9", "un"] : [" ", "a", "c", "f", "n", "u", "\u00e9"];
      expect(tokenizer.config.words).toEqual(units);
      expect(tokenizer.promptForImages([two])).toEqual(tokenizer.promptForImages([one]));
      expect(tokenizer.decode(tokenizer.encode({ codes, captions: [two] })).captions).toEqual([one]);
    }
  });

  it("composes listed words, their other spellings and lines", () => {
    const rest = { codebookSize: 2, codeGrid: { height: 1, width: 1 } };
    const tokenizer = MultimodalTokenizer.create({
      ...{ words: ["cafe\u0301", "caf\u00e9", "the\u0301"], captionLength: 1, ...rest },
      aliases: { "\u0075\u0308ber": "the\u0301", "cafe\u0301": "caf\u00e9" },
    });
    expect(tokenizer.config.words).toEqual(["caf\u00e9", "th\u00e9"]);
    expect([...tokenizer.config.aliases]).toEqual([["\u00fcber", "th\u00e9"]]);
    expect(tokenizer.promptForImages(["\u0075\u0308ber"])).toEqual(tokenizer.promptForImages(["th\u00e9"]));

    const lines = {
      imageFirst: "e\u0301{image}:{text}",
      textFirst: "{text}:{image}\u00e9",
      pad: "#",
      length: 4,
      alphabet: "A\u00c5A\u030a",
    };
    const make = (alphabet: string) =>
      MultimodalTokenizer.create({
        words: ["7"],
        captionLength: 1,
        layout: "lines",
        ...rest,
        lines: { ...lines, alphabet },
      });
    const written = make("AO\u0308");
    expect(written.readLines(["e\u0301O\u0308:7"])).toEqual(written.readLines(["\u00e9\u00d6:7"]));
    expect(() => make("\u00c5A\u030a")).toThrow(/distinct letters/);
  });
});
