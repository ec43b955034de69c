import { describe, expect, it } from "vitest";
import { continuations, replaceWord, unknownWords, withWord } from "./caption-words.js";

const words = ["blue", "dark", "green", "light", "on", "purple", "Seven"];

describe("words of a caption", () => {
  it("that are not known are named once, with those they may have been meant as", () => {
    expect(unknownWords("dark purpel on purpel seven", words)).toEqual([{ word: "purpel", nearest: ["purple"] }]);
    expect(unknownWords("xyzzyxyzzy", words)).toEqual([{ word: "xyzzyxyzzy", nearest: [] }]);
    expect(unknownWords("  ", words)).toEqual([]);
  });

  it("are offered from their first letters on", () => {
    expect(continuations("dark Gr", words)).toEqual(["green"]);
    expect(continuations("dark ", words)).toEqual([]);
    expect(continuations("dark green", words)).toEqual([]);
    expect(withWord("dark gr", "green")).toBe("dark green ");
    expect(withWord("dark ", "green")).toBe("dark green ");
  });

  it("are replaced as a whole", () => {
    expect(replaceWord("pur purpel  on purpel", "purpel", "purple")).toBe("pur purple  on purple");
  });
});
