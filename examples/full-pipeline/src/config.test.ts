import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DataError } from "@mmgen/core";
import { resolveOptions } from "@mmgen/core/options";
import { RunFolder, readConfigFile } from "@mmgen/example-harness";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configSchema, presets, runs } from "./config.js";
import { familyOf } from "./generate.js";

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

const read = (path: string) => readConfigFile(path, presets.quick, configSchema);

describe("presets", () => {
  it.each(Object.entries(presets))("%s has every field and no other", (_, preset) => {
    expect(resolveOptions(configSchema, preset)).toEqual(preset);
  });

  it("grid has 7×7 codes of at most 1024 values", () => {
    const { composition, palettePlace, network, quantizer } = presets.grid.vqvae;
    expect({ composition, palettePlace, stages: network.stages }).toEqual({
      composition: "figure-ground",
      palettePlace: "within",
      stages: 2,
    });
    expect(64 * quantizer.codebookSize).toBe(1024);
  });

  it("full has the sizes of the published system", () => {
    const { vqvae, transformer } = presets.full;
    expect(vqvae.composition).toBe("whole");
    expect(vqvae.network).toEqual({ hiddenChannels: 256, stages: 2, residualBlocks: 2, attentionHeads: 0 });
    expect(vqvae.quantizer).toMatchObject({ codebookSize: 128, codeDimension: 256 });
    expect(transformer).toMatchObject({ width: 128, heads: 4, layers: 4, dropout: 0.1, warmUpSteps: 1000, epochs: 30 });
  });
});

describe("readConfigFile", () => {
  it("changes the fields it names, at every depth, and no other", async () => {
    const path = await configFile('{ "vqvae": { "quantizer": { "codebookSize": 32 } }, "sampling": { "topP": 1 } }');
    const config = await read(path);
    expect(config.vqvae.quantizer).toEqual({ ...presets.quick.vqvae.quantizer, codebookSize: 32 });
    expect(config.sampling).toEqual({ ...presets.quick.sampling, topP: 1 });
    expect(config.transformer).toEqual(presets.quick.transformer);
  });

  it.each([
    ['{ "transformer": { "depth": 4 } }', /transformer.depth/],
    ['{ "transformer": { "layers": "4" } }', /transformer\.layers/],
    ['{ "vqvae": { "batchSize": 0 } }', /vqvae\.batchSize/],
    ['{ "sampling": 3 }', /sampling/],
    ['{ "vqvae": { "composition": "whole", "palettePlace": "within" } }', /palettePlace.*figure-ground/],
    ["[]", /expected an object/],
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

describe("settings", () => {
  const flags = { backend: "auto", resume: false };

  it("are the preset's, for a folder with whole images and colors as numbers", async () => {
    const run = new RunFolder(folder, "unused", "npm start");
    expect(await runs.resolveSettings(flags, run)).toEqual({
      preset: "quick",
      config: presets.quick,
      data: "auto",
      seed: 1,
    });
    for (const data of ["folder", "avatars"] as const) {
      const { config } = await runs.resolveSettings({ ...flags, data }, run);
      const { vqvae } = config;
      expect([vqvae.composition, vqvae.palettePlace, vqvae.head]).toEqual(["whole", "before", "regression"]);
      expect([config.data.side, vqvae.network.levels, vqvae.batchSize]).toEqual([64, [24, 48, 96], 8]);
    }
  });

  it("take larger images, and flat shapes as the presets have them", async () => {
    const run = new RunFolder(folder, "unused", "npm start");
    const configOf = async (overrides: object) => {
      const config = await configFile(JSON.stringify(overrides));
      return (await runs.resolveSettings({ ...flags, data: "folder", config }, run)).config;
    };
    const large = await configOf({ data: { side: 128 } });
    expect([large.data.side, large.vqvae.network.normalization]).toEqual([128, "group"]);
    const { network } = (await configOf({ vqvae: { network: { hiddenChannels: 8 } } })).vqvae;
    expect(network).toMatchObject({ hiddenChannels: 8, stages: 3, normalization: "group" });
    expect(network).not.toHaveProperty("levels");
    const flat = { data: { maxValue: 3 }, vqvae: { composition: "figure-ground", head: "categorical" } };
    const { data } = presets.quick;
    expect(await configOf(flat)).toEqual({ ...presets.quick, data: { ...data, maxValue: 3 } });
  });

  it("take flat shapes, and other networks, by the preset of whole images as well", async () => {
    const run = new RunFolder(folder, "unused", "npm start");
    const configOf = async (vqvae: object) => {
      const config = await configFile(JSON.stringify({ vqvae }));
      return (await runs.resolveSettings({ ...flags, preset: "whole", config }, run)).config;
    };
    const { network } = (await configOf({ network: { hiddenChannels: 8 } })).vqvae;
    expect(network).toMatchObject({ hiddenChannels: 8, stages: 2, normalization: "group" });
    expect(network).not.toHaveProperty("levels");
    expect((await configOf({ network: { levels: [8, 16] } })).vqvae.network.levels).toEqual([8, 16]);
    expect(await configOf({ composition: "figure-ground" })).toEqual(presets.grid);
  });

  it("have a family where one was asked for, whose transformer then sees in both directions", async () => {
    const run = new RunFolder(folder, "unused", "npm start");
    const settings = await runs.resolveSettings({ ...flags, family: "diffusion" }, run);
    expect(settings.family).toBe("diffusion");
    expect(familyOf(settings)).toMatchObject({
      sequences: { weights: { text: 2 } },
      diffusion: { kernel: { type: "absorbing" }, sampler: { type: "confidence", rounds: 16 } },
    });
    const sequential = familyOf(await runs.resolveSettings(flags, run));
    expect(sequential).toEqual({ sequences: { weights: { text: 2 }, textFirstShare: 0.5 } });
    await expect(runs.resolveSettings({ ...flags, resume: true, family: "diffusion" }, run)).rejects.toThrow(
      "--family",
    );
  });

  it("of a resumed run are the interrupted run's, and no option changes them", async () => {
    const run = new RunFolder(folder, "unused", "npm start");
    await expect(runs.resolveSettings({ ...flags, resume: true, seed: 3 }, run)).rejects.toThrow(
      "--seed cannot be given",
    );
    await expect(runs.resolveSettings({ ...flags, resume: true }, run)).rejects.toThrow("There is no run");
  });
});
