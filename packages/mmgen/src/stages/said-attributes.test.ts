import { describe, expect, it } from "vitest";
import { saidAttributes } from "./said-attributes.js";

describe("saidAttributes", () => {
  it("has a caption's words and each two side by side, once where they go together, nearest to half first", () => {
    const captions = ["A red cat, asleep.", "a blue cat", "a red dog", "a blue dog"];
    const { attributes, labels } = saidAttributes({ kind: "captions", captions })!;
    expect(attributes.every(({ classes }) => classes === 2)).toBe(true);
    expect(attributes.map(({ name }) => name)).toEqual(Object.keys(labels));
    // red (and "a red"), cat, blue, dog; then "red cat" (and "asleep"), "blue cat", "red dog", "blue dog"; "a" tells nothing.
    expect(Object.values(labels)).toEqual([
      [1, 0, 1, 0],
      [1, 1, 0, 0],
      [0, 1, 0, 1],
      [0, 0, 1, 1],
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [0, 0, 0, 1],
    ]);
  });

  it("leaves out what few captions have or lack", () => {
    const captions = Array.from({ length: 200 }, (_, i) => `${i % 2 ? "left" : "right"}${i < 3 ? " rare" : ""}`);
    expect(saidAttributes({ kind: "captions", captions })!.attributes).toHaveLength(2);
  });

  it("has at most 64 of them", () => {
    const captions = Array.from({ length: 100 }, (_, i) =>
      Array.from({ length: 10 }, (_, bit) => `w${bit}is${i % (bit + 5)}`).join(" "),
    );
    expect(saidAttributes({ kind: "captions", captions })!.attributes).toHaveLength(64);
  });

  it("has the class, where there are classes", () => {
    const text = { kind: "classes", captions: ["dog", "cat", "dog"], names: ["cat", "dog", "cow"] } as const;
    expect(saidAttributes(text)).toEqual({ attributes: [{ name: "class", classes: 3 }], labels: { class: [1, 0, 1] } });
  });

  it("is nothing where nothing tells images apart", () => {
    expect(saidAttributes({ kind: "none", captions: ["", ""] })).toBeUndefined();
    expect(saidAttributes({ kind: "captions", captions: ["a cat", "a cat"] })).toBeUndefined();
    expect(saidAttributes({ kind: "classes", captions: ["cat", "cat"], names: ["cat", "dog"] })).toBeUndefined();
  });
});
