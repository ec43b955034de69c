import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DataError } from "@mmgen/core";
import { readConfigFile } from "@mmgen/example-common";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runConfigSchema } from "./config.js";
import { presetNames, presets } from "./presets.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-config-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function configFile(text: string): Promise<string> {
  const path = join(folder, "config.json");
  await writeFile(path, text);
  return path;
}

const read = (path: string) => readConfigFile(path, presets.quick, runConfigSchema, "this pipeline");

describe("presets", () => {
  for (const name of presetNames) {
    it(`${name} has every field and no other`, () => {
      expect(runConfigSchema.parse(presets[name])).toEqual(presets[name]);
    });
  }

  it("grid has codes in original A's grid, of at most 1024 values", () => {
    const { composition, palettePlace, network, quantizer } = presets.grid.tokenizer;
    expect({ composition, palettePlace, stages: network.stages }).toEqual({
      composition: "figure-ground",
      palettePlace: "within",
      stages: 2,
    });
    expect(64 * quantizer.codebookSize).toBe(1024);
  });

  it("full has the sizes of original A", () => {
    const { tokenizer, transformer } = presets.full;
    expect(tokenizer.composition).toBe("whole");
    expect(tokenizer.network).toEqual({ hiddenChannels: 256, stages: 2, residualBlocks: 2, attentionHeads: 0 });
    expect(tokenizer.quantizer).toMatchObject({ codebookSize: 128, codeDimension: 256 });
    expect(transformer).toMatchObject({ width: 128, heads: 4, layers: 4, dropout: 0.1, warmUpSteps: 1000, epochs: 30 });
  });
});

describe("readConfigFile", () => {
  it("changes the fields it names, at every depth, and no other", async () => {
    const path = await configFile(
      '{ "tokenizer": { "quantizer": { "codebookSize": 32 } }, "sampling": { "topP": 1 } }',
    );
    const config = await read(path);
    expect(config.tokenizer.quantizer).toEqual({ ...presets.quick.tokenizer.quantizer, codebookSize: 32 });
    expect(config.sampling).toEqual({ ...presets.quick.sampling, topP: 1 });
    expect(config.transformer).toEqual(presets.quick.transformer);
  });

  it.each([
    ['{ "transformer": { "depth": 4 } }', /transformer.*depth/],
    ['{ "transformer": { "layers": "4" } }', /transformer\.layers/],
    ['{ "tokenizer": { "batchSize": 0 } }', /tokenizer\.batchSize/],
    ['{ "sampling": 3 }', /sampling/],
    ['{ "tokenizer": { "composition": "whole", "palettePlace": "within" } }', /palettePlace.*figure-ground/],
    ["[]", /file/],
    ["{", /not JSON/],
  ])("refuses %s and says where", async (text, where) => {
    const error: unknown = await read(await configFile(text)).catch((reason) => reason);
    expect(ConfigError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(where);
  });

  it("names a file that is not there", async () => {
    await expect(read(join(folder, "none.json"))).rejects.toSatisfy(DataError.isInstance.bind(DataError));
  });
});
