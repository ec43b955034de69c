import type { AttributeTable } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { attributeScores, tableLabels } from "./attribute-tables.js";

const table: AttributeTable = {
  count: 5,
  attributes: [
    { name: "hair color", values: ["red", "black", "gray"] },
    { name: "glasses", values: ["none", "round"] },
  ],
  labels: Int32Array.of(0, 0, 0, 0, 0, 1, 1, -1, 0, -1),
};

describe("tableLabels", () => {
  it("gives a classifier's attributes and the labels of each", () => {
    expect(tableLabels(table)).toEqual({
      attributes: [
        { name: "hair color", classes: 3 },
        { name: "glasses", classes: 2 },
      ],
      labels: { "hair color": Int32Array.of(0, 0, 0, 1, 0), glasses: Int32Array.of(0, 0, 1, -1, -1) },
    });
  });
});

describe("attributeScores", () => {
  it("counts each value of an attribute the same, and what is known alone", () => {
    const found = { "hair color": [0, 0, 2, 1, 0], glasses: [0, 0, 0, 1, 1] };
    const { allRight, attributes, mean } = attributeScores(table, found);
    // Red 3 of 4, black 1 of 1; none 2 of 2, round 0 of 1.
    expect(attributes).toEqual([
      { name: "hair color", count: 5, accuracy: 0.8, balanced: 0.875, commonest: 0.8 },
      { name: "glasses", count: 3, accuracy: 2 / 3, balanced: 0.5, commonest: 2 / 3 },
    ]);
    expect(mean).toBe((0.875 + 0.5) / 2);
    expect(allRight).toBe(4 / 5);
  });

  it("leaves out an image of which nothing is known", () => {
    const labels = Int32Array.of(0, 0, 0, 0, 0, 1, 1, -1, -1, -1);
    const found = { "hair color": [0, 0, 2, 1, 0], glasses: [0, 0, 0, 1, 1] };
    expect(attributeScores({ ...table, labels }, found).allRight).toBe(3 / 4);
  });

  it("refuses columns that are missing or of another length, and a table that knows nothing", () => {
    expect(() => attributeScores(table, { "hair color": [0, 0, 0, 0, 0] })).toThrow("found.glasses: expected 5");
    expect(() => attributeScores(table, { "hair color": [0], glasses: [0, 0, 0, 0, 0] })).toThrow("got 1");
    const unknown = { ...table, labels: new Int32Array(10).fill(-1) };
    expect(() =>
      attributeScores(unknown, { "hair color": table.labels.subarray(5), glasses: table.labels.subarray(5) }),
    ).toThrow("known attribute");
  });
});
