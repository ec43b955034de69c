import { DataError, ShapeError } from "@mmgen/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { celebaAttributeNames, celebaAttributes, celebaCaptions, celebaTable } from "./celeba-captions.js";

const column = (name: string) => celebaAttributeNames.indexOf(name);
const row = (...yes: string[]) => celebaAttributeNames.map((name) => Number(yes.includes(name)));
const captionOf = (...yes: string[]) => celebaCaptions(celebaTable(Int32Array.from(row(...yes))))[0]!;

describe("celebaCaptions", () => {
  it("knows CelebA's 40 attributes", () => {
    expect(celebaAttributeNames).toHaveLength(40);
    expect(new Set(celebaAttributeNames).size).toBe(40);
    expect([...celebaAttributeNames].sort()).toEqual(celebaAttributeNames);
  });

  it.each([
    [
      ["Smiling", "Young", "No_Beard", "Straight_Hair", "Brown_Hair", "Wearing_Earrings", "Wearing_Lipstick"],
      "a smiling young woman with straight brown hair wearing earrings and lipstick",
    ],
    [["Male", "Bald", "Eyeglasses", "Wearing_Necktie"], "a bald man with a beard wearing glasses and a necktie"],
    [["Male", "No_Beard", "Attractive", "Big_Nose"], "a man"],
    [
      ["Male", "Young", "Goatee", "Mustache", "5_o_Clock_Shadow", "Black_Hair", "Wavy_Hair", "Bangs", "Wearing_Hat"],
      "a young man with wavy black hair and bangs and stubble and a goatee and a mustache and a beard wearing a hat",
    ],
    [["No_Beard", "Gray_Hair", "Wearing_Necklace"], "a woman with gray hair wearing a necklace"],
  ])("composes %j", (yes, caption) => {
    expect(captionOf(...yes)).toBe(caption);
  });

  it("are read back: all that they state, and −1 for what they leave out", () => {
    const left = ["Attractive", "Big_Nose", "Blurry", "Oval_Face", "Sideburns", "Chubby"];
    const stated = celebaAttributes(["a man"]).labels.map((label) => Number(label >= 0));
    expect(stated.reduce((sum, one) => sum + one, 0)).toBe(21);
    expect(left.map((name) => stated[column(name)])).toEqual(left.map(() => 0));
    fc.assert(
      fc.property(fc.array(fc.nat(1), { minLength: 80, maxLength: 80 }), (labels) => {
        const table = celebaTable(Int32Array.from(labels));
        const captions = celebaCaptions(table);
        const expected = table.labels.map((label, i) => (stated[i % 40] ? label : -1));
        expect(celebaAttributes(captions)).toEqual({ ...table, labels: expected });
        expect(Math.max(...captions.map((caption) => caption.split(" ").length))).toBeLessThanOrEqual(41);
      }),
    );
    expect(captionOf(...celebaAttributeNames.filter((name) => name !== "No_Beard")).split(" ")).toHaveLength(41);
  });

  it("leave unknown attributes out", () => {
    const table = celebaTable(new Int32Array(40).fill(-1));
    expect(celebaCaptions(table)).toEqual(["a woman"]);
  });

  it("are read with capitals, commas and words between, and are unknown without a man or a woman", () => {
    const { labels } = celebaAttributes(["A Smiling, friendly WOMAN, wearing a red hat", "a smiling person", ""]);
    expect(["Smiling", "Male", "Wearing_Hat", "Young"].map((name) => labels[column(name)])).toEqual([1, 0, 1, 0]);
    expect([...labels.subarray(40)]).toEqual(new Array(80).fill(-1));
  });

  it("refuse tables with other attributes", () => {
    const { attributes, ...table } = celebaTable(new Int32Array(40));
    expect(() => celebaCaptions({ ...table, attributes: [...attributes].reverse() })).toThrow(DataError);
    expect(() => celebaCaptions({ ...table, attributes: attributes.slice(1), labels: new Int32Array(39) })).toThrow(
      "expected CelebA's 40 attributes in its order, got 39",
    );
    expect(() => celebaCaptions({ ...table, attributes, labels: new Int32Array(39) })).toThrow(ShapeError);
  });
});
