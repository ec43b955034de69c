import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@mmgen/core";
import { resolveOptions } from "@mmgen/core/options";
import { RunFolder } from "@mmgen/example-harness";
import { vqVaePresets } from "@mmgen/vqvae";
import { describe, expect, it } from "vitest";
import { configSchema, presets, runs } from "./config.js";

const folder = new RunFolder(join(tmpdir(), "no-run-here"), "unused", "npm run faces");

describe("presets", () => {
  it.each(Object.entries(presets))("%s has every field and no other", (_, preset) => {
    expect(resolveOptions(configSchema, preset)).toEqual(preset);
  });

  it("draws from masks as the presets do where a run's settings do not say how", () => {
    const { masks, ...sampling } = presets.quick.sampling;
    const settings = { ...presets.quick, sampling };
    expect(resolveOptions(configSchema, settings).sampling.masks).toEqual(masks);
  });

  it("original has the sizes of the published system", () => {
    const { data, tokenizer } = presets.original;
    const { codebookSize, codeDimension, network } = tokenizer;
    const published = vqVaePresets["latent-faces"];
    expect(data.side).toBe(published.imageSide);
    expect(published.network).toMatchObject(network);
    expect(published.quantizer).toMatchObject({ codebookSize, codeDimension });
  });
});

describe("settings", () => {
  it("learns mirror images of a folder, and of avatars not", async () => {
    const avatars = await runs.resolveSettings({ backend: "auto", resume: false }, folder);
    const own = await runs.resolveSettings({ backend: "auto", resume: false, data: "folder" }, folder);
    expect([avatars.preset, avatars.data, avatars.config.data.mirrored]).toEqual(["quick", "avatars", false]);
    expect(own.config).toEqual({ ...presets.quick, data: { ...presets.quick.data, mirrored: true } });
  });

  it("refuses what a resume would change", async () => {
    const flags = { backend: "auto", resume: true, seed: 2 } as const;
    await expect(runs.resolveSettings(flags, folder)).rejects.toSatisfy(ConfigError.isInstance.bind(ConfigError));
  });
});
