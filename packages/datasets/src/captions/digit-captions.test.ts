import { VocabularyError } from "@mmgen/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { captionOf, captionWords, parseCaption } from "./digit-captions.js";
import { palette } from "./palette.js";

const color = fc.nat(palette.length - 1);
const attributes = fc.record({ digit: fc.nat(9), digitColor: color, backgroundColor: color });

describe("captions", () => {
  it("have the 31 words of the data and no others", () => {
    const words =
      "zero one two three four five six seven eigth nine on dark light plain bright normal " +
      "red turquoise pink green black yellow gold white orange magenta brown cyan purple blue gray";
    expect(captionWords).toEqual(words.split(" ").sort());
    expect(captionWords).toHaveLength(31);
  });

  it("are six of these words, and parse back", () => {
    fc.assert(
      fc.property(attributes, (given) => {
        const caption = captionOf(given);
        expect(caption.split(" ")).toHaveLength(6);
        expect(caption.split(" ").every((word) => captionWords.includes(word))).toBe(true);
        expect(parseCaption(caption)).toEqual(given);
      }),
    );
  });

  it("accept eight for eigth, capitals and surplus spaces", () => {
    const given = parseCaption("  Dark green  EIGHT on bright cyan ");
    expect(captionOf(given)).toBe("dark green eigth on bright cyan");
  });

  it("name the word that is wrong", () => {
    expect(() => parseCaption("dark green ate on bright cyan")).toThrow('"ate" is no digit');
    expect(() => parseCaption("dark gold six on bright cyan")).toThrow('no color "dark gold"; there is plain gold.');
    expect(() => parseCaption("a six")).toThrow(/six words/);
    expect(() => captionOf({ digit: 10, digitColor: 0, backgroundColor: 1 })).toThrow("got digit 10");
  });

  it("throw nothing but VocabularyError, whatever the text", () => {
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...captionWords, "constructor"), { minLength: 4, maxLength: 7 }).map((w) => w.join(" ")),
    );
    fc.assert(
      fc.property(text, (caption) => {
        try {
          parseCaption(caption);
        } catch (error) {
          expect(VocabularyError.isInstance(error)).toBe(true);
        }
      }),
    );
  });
});
