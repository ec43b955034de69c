import { describe, expect, it } from "vitest";
import { captionOfPath, guessWordSource, ownData, wordsOfPaths } from "./own-images.js";

describe("the words of own images", () => {
  it("are in their files' names, but for endings and numbers", () => {
    expect(
      ["Red_Square 12.png", "a/b/black-cat (3).jpeg", "two dogs.PNG", "été.webp", "7.png"].map(captionOfPath),
    ).toEqual(["red square", "black cat", "two dogs", "été", ""]);
  });

  it("are looked for where they most likely are", () => {
    expect(guessWordSource(["cats/1.png", "dogs/1.png"])).toBe("folder-names");
    expect(guessWordSource(["all/red square 1.png", "all/blue circle.png"])).toBe("file-names");
    expect(guessWordSource(["IMG_0001.jpg", "IMG_0002.jpg"])).toBe("none");
    expect(guessWordSource(["red.png", "17.png"])).toBe("none");
    expect(guessWordSource([])).toBe("none");
  });

  it("become captions, classes or nothing", () => {
    const paths = ["all/dogs/b 1.png", "all/cats/a 1.png", "all/dogs/c.png"];
    expect(wordsOfPaths(paths, "file-names")).toEqual({ captions: ["b", "a", "c"] });
    expect(wordsOfPaths(paths, "folder-names")).toEqual({ classes: { labels: [1, 0, 1], names: ["cats", "dogs"] } });
    expect(wordsOfPaths(paths, "none")).toEqual({});
  });

  it("are missed in a sentence that says what to do", () => {
    expect(() => wordsOfPaths(["a.png", "12.png"], "file-names")).toThrow("12.png has no words");
    expect(() => wordsOfPaths(["x/a.png", "x/b.png"], "folder-names")).toThrow("at least two folders");
    expect(() => wordsOfPaths(["x/a.png", "b.png"], "folder-names")).toThrow("at least two folders");
  });

  it("are needed of some images at least", async () => {
    const options = { side: 16, source: "none", onProgress: () => {}, signal: new AbortController().signal } as const;
    await expect(ownData([], options)).rejects.toThrow("needs 10 to 20,000 images, and there are 0");
  });
});
