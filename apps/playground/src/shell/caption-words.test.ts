import { describe, expect, it } from "vitest";
import { continuations, replaceWord, unknownWords, type Vocabulary, withWord } from "./caption-words.js";

const some: Vocabulary = { unit: "words", words: ["blue", "dark", "green", "light", "on", "purple", "Seven"] };
const classes: Vocabulary = { unit: "classes", words: ["a cat", "a dog", "a cow"] };
const letters: Vocabulary = { unit: "characters", words: ["a", "b", " "] };

describe("words of a caption", () => {
  it("that are not known are named once, with those they may have been meant as", () => {
    expect(unknownWords("dark purpel on purpel seven", some)).toEqual([{ word: "purpel", nearest: ["purple"] }]);
    expect(unknownWords("xyzzyxyzzy", some)).toEqual([{ word: "xyzzyxyzzy", nearest: [] }]);
    expect(unknownWords("  ", some)).toEqual([]);
  });

  it("are offered from their first letters on", () => {
    expect(continuations("dark Gr", some)).toEqual(["green"]);
    expect(continuations("dark ", some)).toEqual([]);
    expect(continuations("dark green", some)).toEqual([]);
    expect(withWord("dark gr", "green", "words")).toBe("dark green ");
    expect(withWord("dark ", "green", "words")).toBe("dark green ");
  });

  it("are replaced as a whole", () => {
    const replaced = replaceWord("pur purpel  on purpel", "purpel", { by: "purple", unit: "words" });
    expect(replaced).toBe("pur purple  on purple");
  });

  it("are one name of classes, and single characters where these are what a model learned", () => {
    expect(unknownWords(" a  cat ", classes)).toEqual([]);
    expect(unknownWords("a cot", classes).map(({ word }) => word)).toEqual(["a cot"]);
    expect(continuations("", classes)).toEqual(classes.words);
    expect(continuations("a c", classes)).toEqual(["a cat", "a cow"]);
    expect(withWord("a c", "a cat", "classes")).toBe("a cat");
    expect(unknownWords("ab cab", letters).map(({ word }) => word)).toEqual(["c"]);
    expect(continuations("ab", letters)).toEqual([]);
    expect(withWord("ab", "a", "characters")).toBe("aba");
    expect(replaceWord("a cot", "a cot", { by: "a cat", unit: "classes" })).toBe("a cat");
  });
});
