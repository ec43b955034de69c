import vm from "node:vm";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../errors/errors.js";
import { type AttributeTable, checkAttributeTable, gatherAttributes } from "./attribute-table.js";

const table: AttributeTable = {
  count: 3,
  attributes: [
    { name: "hair", values: ["curly", "straight", "none"] },
    { name: "glasses", values: ["no", "yes"] },
  ],
  labels: Int32Array.of(0, 1, 2, -1, 1, 0),
};

describe("checkAttributeTable", () => {
  it("takes what is right, empty tables and arrays of another realm included", () => {
    expect(() => checkAttributeTable(table)).not.toThrow();
    expect(() => checkAttributeTable({ ...table, count: 0, labels: new Int32Array(0) })).not.toThrow();
    expect(() => checkAttributeTable({ count: 5, attributes: [], labels: new Int32Array(0) })).not.toThrow();
    const labels = vm.runInNewContext("Int32Array.of(0, 0, 1, 1, 2, -1)") as Int32Array;
    expect(() => checkAttributeTable({ ...table, labels })).not.toThrow();
  });

  it.each<[string, object, string]>([
    ["another length", { count: 4 }, "attributes.labels: expected 8 values (count 4 × attributes 2), got 6"],
    ["a count that is none", { count: 1.5 }, "attributes.count: expected a whole number of at least 0, got 1.5"],
    ["a plain array", { labels: [0, 1, 2, -1, 1, 0] }, "attributes.labels: expected an Int32Array, got [0, 1, 2"],
    [
      "a label below −1",
      { labels: Int32Array.of(0, 1, 2, -2, 1, 0) },
      '-2 at index 3 is neither −1 nor one of the 2 values of "glasses"',
    ],
    [
      "a label above",
      { labels: Int32Array.of(0, 1, 3, 0, 1, 0) },
      '3 at index 2 is neither −1 nor one of the 3 values of "hair"',
    ],
    [
      "an attribute twice",
      { attributes: [table.attributes[0], table.attributes[0]] },
      'attributes.attributes: expected each once, got "hair" (string) twice',
    ],
    [
      "a value twice",
      { attributes: [{ name: "hair", values: ["a", "a"] }, table.attributes[1]] },
      'attributes.attributes[0].values: expected each once, got "a" (string) twice',
    ],
    [
      "a value that is no text",
      { attributes: [{ name: "hair", values: [1, 2] }, table.attributes[1]] },
      "attributes.attributes[0].values: expected text, got 1 (number)",
    ],
    [
      "no values",
      { attributes: [{ name: "hair", values: [] }, table.attributes[1]] },
      "attributes.attributes[0]: expected { name, values } with at least one value",
    ],
    [
      "a name that is none",
      { attributes: [null, table.attributes[1]] },
      "attributes.attributes[0]: expected { name, values }",
    ],
    [
      "no list",
      { attributes: "hair" },
      "attributes: expected { count, attributes: [{ name, values }], labels: Int32Array }",
    ],
  ])("refuses %s", (_, change, message) => {
    const check = () => checkAttributeTable({ ...table, ...change } as never);
    expect(check).toThrow(ShapeError);
    expect(check).toThrow(message);
  });

  it("refuses what is no object", () => {
    for (const odd of [undefined, null, 3, "table", []]) {
      expect(() => checkAttributeTable(odd as never, "faces")).toThrow(/^faces: expected \{ count/);
    }
  });
});

describe("gatherAttributes", () => {
  it("copies the rows asked for, in that order", () => {
    const gathered = gatherAttributes(table, [2, 0, 2]);
    expect(gathered).toEqual({ ...table, labels: Int32Array.of(1, 0, 0, 1, 1, 0) });
    gathered.labels[0] = 2;
    expect(table.labels[4]).toBe(1);
    expect(gatherAttributes(table, []).labels).toHaveLength(0);
  });

  it("refuses rows that are not there", () => {
    expect(() => gatherAttributes(table, [3])).toThrow(
      "gatherAttributes: index 3 (number) is outside the table of 3 rows",
    );
    expect(() => gatherAttributes(table, [0.5])).toThrow(ShapeError);
  });
});
