import { checkAttributeTable, DataError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { avatarAttributes, avatarCaption, avatarTable, avatarWords } from "./avatar-captions.js";
import { avatarParts } from "./avatar-parts.js";
import { drawAvatar } from "./draw-avatar.js";

const drawn = (split: "train" | "test", count: number) =>
  Array.from({ length: count }, (_, i) => drawAvatar(3, split, i).labels);

describe("captions of avatars", () => {
  it("say every attribute, and are read back", () => {
    const labels = drawn("train", 2000);
    const table = avatarAttributes(labels.map(avatarCaption));
    checkAttributeTable(table, "table");
    expect(table).toEqual(avatarTable(Int32Array.from(labels.flat())));
  });

  it("have 14 to 23 words of one vocabulary", () => {
    const known = new Set(avatarWords);
    const words = drawn("train", 2000).map((labels) => avatarCaption(labels).split(" "));
    expect(words.flat().filter((word) => !known.has(word))).toEqual([]);
    const lengths = words.map(({ length }) => length);
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([14, 23]);
  });

  it("may be of a person who leaves things out, adds words or capitals", () => {
    const row = (caption: string) =>
      Object.fromEntries(
        avatarAttributes([caption]).attributes.map(({ name, values }, i) => [
          name,
          values[avatarAttributes([caption]).labels[i]!],
        ]),
      );
    expect(row("A SAD person with very long red hair, in a t-shirt")).toMatchObject({
      ...{ expression: "sad", hair: "long", clothes: "t-shirt" },
      ...{ skin: undefined, glasses: undefined, background: undefined },
    });
    // Clothes and background say that the rest was meant to be left out.
    expect(row("a person with a bob in a blue shirt on pink")).toMatchObject({
      ...{ glasses: "none", beard: "none", eyes: "open", "clothes color": "blue", background: "pink" },
    });
    expect([...avatarAttributes([""]).labels]).toEqual(avatarParts.map(() => -1));
  });

  it("refuses a label without a value", () => {
    expect(() => avatarCaption(avatarParts.map(() => 99))).toThrow(DataError);
  });
});

describe("drawAvatar", () => {
  it("draws each value of an attribute about equally often", () => {
    const labels = drawn("train", 3000);
    for (const [column, { values }] of avatarParts.entries()) {
      const expected = 3000 / values.length;
      for (let value = 0; value < values.length; value++) {
        const count = labels.filter((row) => row[column] === value).length;
        // Five standard deviations of a binomial count.
        expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected * (1 - 1 / values.length)));
      }
    }
  });

  it("shares no combination between splits, whatever the seed", () => {
    const train = new Set(drawn("train", 4000).map(String));
    const test = Array.from({ length: 1000 }, (_, i) => String(drawAvatar(9, "test", i).labels));
    expect(test.filter((row) => train.has(row))).toEqual([]);
  });
});
