import { checkAttributeTable } from "@mmgen/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { avatarAttributes, avatarCaption, avatarTable, avatarWords } from "./avatar-captions.js";
import { avatarParts } from "./avatar-parts.js";

const labelsOf = fc.tuple(...avatarParts.map(({ values }) => fc.nat(values.length - 1)));
/** What a text says, by attribute; undefined where it does not tell. */
const read = (caption: string) => {
  const { attributes, labels } = avatarAttributes([caption]);
  return Object.fromEntries(attributes.map(({ name, values }, i) => [name, values[labels[i]!]]));
};

describe("captions of avatars", () => {
  it("are of one grammar, and parse back", () => {
    fc.assert(
      fc.property(labelsOf, (labels) => {
        const caption = avatarCaption(labels);
        const words = caption.split(" ");
        expect(words.length).toBeGreaterThanOrEqual(14);
        expect(words.length).toBeLessThanOrEqual(23);
        expect(words.filter((word) => !avatarWords.includes(word))).toEqual([]);
        const table = avatarAttributes([caption, caption]);
        expect([...table.labels]).toEqual([...labels, ...labels]);
        checkAttributeTable(table);
      }),
    );
  });

  it("are these, the shortest and the longest", () => {
    const of = (...values: string[]) =>
      avatarCaption(
        values.map((value, i) => {
          const index = avatarParts[i]!.values.findIndex((candidate) => candidate.value === value);
          expect(index, value).toBeGreaterThanOrEqual(0);
          return index;
        }),
      );
    expect(of("sad", "pale", "open", "turban", "red", "none", "none", "shirt", "blue", "pink")).toBe(
      "a sad pale person with a red turban in a blue shirt on pink",
    );
    expect(of("smiling", "tan", "closed", "long", "red", "round", "beard", "t-shirt", "blue", "pink")).toBe(
      "a smiling tan person with closed eyes and long red hair and round glasses and a beard in a blue t-shirt on pink",
    );
    expect(() => avatarCaption([9, 0, 0, 0, 0, 0, 0, 0, 0, 0])).toThrow('the index of a value of "expression", got 9');
  });

  it("have words that are each in some caption", () => {
    const seen = new Set<string>();
    for (const [i, { values }] of avatarParts.entries()) {
      for (const label of values.keys()) {
        const labels = avatarParts.map((_, other) => (other === i ? label : 1));
        for (const word of avatarCaption(labels).split(" ")) {
          seen.add(word);
        }
      }
    }
    expect([...seen].sort()).toEqual(avatarWords);
  });

  it("are read in part: what a prompt, or a model, says of some attributes", () => {
    expect(read("A person with curly RED hair, and no glasses")).toEqual({ "hair color": "red" });
    expect(read("a laughing person in a blue striped shirt on pink")).toEqual({
      expression: "laughing",
      clothes: "shirt",
      "clothes color": "blue",
      background: "pink",
      // The caption is whole, and names none of these.
      eyes: "open",
      glasses: "none",
      beard: "none",
    });
    expect(read("a red t-shirt on green with glasses")).toEqual({
      clothes: "t-shirt",
      "clothes color": "red",
      background: "green",
      eyes: "open",
      beard: "none",
    });
    expect(read("")).toEqual({});
    expect(avatarAttributes([])).toEqual(avatarTable(new Int32Array(0)));
  });

  it("are read without an error whatever they say", () => {
    const word = fc.constantFrom(...avatarWords, "constructor", "__proto__", ",");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((all) => all.join(" ")),
        ),
        (caption) => {
          checkAttributeTable(avatarAttributes([caption]));
        },
      ),
    );
  });
});
