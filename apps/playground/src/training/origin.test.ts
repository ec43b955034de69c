import { avatarAttribution } from "@mmgen/datasets";
import { describe, expect, it } from "vitest";
import { originOf, originOfFiles } from "./origin.js";

describe("what is to be said beside images", () => {
  const ofFile = (text: string) => originOfFiles(new Map([["training.json", new TextEncoder().encode(text)]]));

  it("names the author of what avatars are made of", () => {
    expect([originOf("avatars"), originOf("digits"), originOf("own")]).toEqual([avatarAttribution, "", ""]);
  });

  it("is told by the files of a model that the page trained", () => {
    expect(ofFile('{ "plan": { "dataset": "avatars" } }')).toBe(avatarAttribution);
    expect(ofFile('{ "plan": { "dataset": "digits" } }')).toBe("");
  });

  it("is nothing where files do not tell", () => {
    expect(originOfFiles(new Map())).toBe("");
    expect(["", "{", "null", "{}", '{ "plan": 1 }', '{ "plan": { "dataset": ["avatars"] } }'].map(ofFile)).toEqual(
      new Array(6).fill(""),
    );
  });
});
