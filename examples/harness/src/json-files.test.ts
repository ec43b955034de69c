import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@mmgen/core";
import { fields, oneOf, wholeNumber } from "@mmgen/core/options";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readConfigFile } from "./json-files.js";

const schema = fields({
  data: fields({ trainCount: wholeNumber({ min: 1 }) }),
  transformer: fields({ layers: wholeNumber({ min: 1 }), kind: oneOf(["small", "large"]) }),
});
const base = { data: { trainCount: 9 }, transformer: { layers: 4, kind: "small" } } as const;

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), "mmgen-config-")), "config.json");
});
afterEach(() => rm(join(path, ".."), { recursive: true, force: true }));

const read = async (content: string) => {
  await writeFile(path, content);
  return readConfigFile(path, base, schema);
};

describe("readConfigFile", () => {
  it("overrides fields at any depth and leaves the others", async () => {
    expect(await read('{"transformer": {"layers": 6}}')).toEqual({
      ...base,
      transformer: { layers: 6, kind: "small" },
    });
    expect(await read("{}")).toEqual(base);
  });

  it.each([
    ["not JSON", "{", /is not JSON/],
    ["a list", "[1]", /expected an object of fields/],
    ["a misspelled field", '{"transformer": {"layer": 6}}', /transformer\.layer.*did you mean "layers"/],
    ["a field of another type", '{"transformer": {"layers": "6"}}', /transformer\.layers.*got "6" \(string\)/],
    ["a name out of the list", '{"transformer": {"kind": "smal"}}', /did you mean "small"/],
    ["a part that is no object", '{"data": 3}', /data.*got 3 \(number\)/],
    ["a hostile name", '{"__proto__": {"layers": 6}}', /__proto__/],
  ])("refuses %s, naming the file", async (_, content, message) => {
    const error: unknown = await read(content).catch((reason) => reason);
    expect(ConfigError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toContain(path);
  });
});
