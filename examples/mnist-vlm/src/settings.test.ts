import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError, ConfigError } from "@mmgen/core";
import { saveSettings } from "@mmgen/example-common";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TrainOptions } from "./options.js";
import { presets } from "./presets.js";
import { newSettings, resumedSettings } from "./settings.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mmgen-vlm-settings-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const asked: TrainOptions = { backend: "auto", resume: false };
const errorOf = (call: Promise<unknown>): Promise<unknown> => call.then(() => undefined).catch((reason) => reason);

describe("newSettings", () => {
  it("are quick's with seed 1 unless asked otherwise", async () => {
    expect(await newSettings(asked)).toEqual({ preset: "quick", config: presets.quick, data: "auto", seed: 1 });
  });

  it("take the preset, the lines from where the command was typed, and a file's fields over the preset's", async () => {
    const config = join(root, "config.json");
    await writeFile(config, JSON.stringify({ transformer: { task: "once" } }));
    const settings = await newSettings({ ...asked, preset: "smoke", lines: join(root, "train.txt"), config, seed: 0 });
    expect(settings).toEqual({
      preset: "smoke",
      config: { ...presets.smoke, transformer: { ...presets.smoke.transformer, task: "once" } },
      data: "auto",
      lines: join(root, "train.txt"),
      seed: 0,
    });
  });

  it("refuse --lines with --data", async () => {
    const error = await errorOf(newSettings({ ...asked, lines: "train.txt", data: "mnist" }));
    expect(ConfigError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(/--lines.*--data/);
  });

  it.each([
    ['{ "transformer": { "width": -1 } }', /transformer\.width/],
    ['{ "transformer": { "with": 1 } }', /"with"/],
    ["width: 1", /is not JSON/],
  ])("refuse the configuration %s by name", async (text, message) => {
    const config = join(root, "bad.json");
    await writeFile(config, text);
    const error = await errorOf(newSettings({ ...asked, config }));
    expect(ConfigError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
  });
});

describe("resumedSettings", () => {
  const folders = () => ({ results: join(root, "results"), checkpoints: join(root, "checkpoints") });
  const resumed: TrainOptions = { ...asked, resume: true };

  it("are those that the run was started with", async () => {
    const settings = await newSettings({ ...asked, preset: "original", seed: 7 });
    await saveSettings(settings, folders());
    expect(await resumedSettings(resumed, folders())).toEqual(settings);
  });

  it.each<Partial<TrainOptions>>([
    { preset: "quick" },
    { config: "config.json" },
    { data: "mnist" },
    { lines: "train.txt" },
    { seed: 1 },
  ])("cannot be changed by %o", async (option) => {
    const error = await errorOf(resumedSettings({ ...resumed, ...option }, folders()));
    expect(ConfigError.isInstance(error)).toBe(true);
    expect((error as Error).message).toContain(`--${Object.keys(option)[0]} cannot be given with --resume`);
  });

  it("say that there is no run, or that its file is damaged", async () => {
    const nowhere = { results: root, checkpoints: join(root, "nowhere") };
    expect(CheckpointError.isInstance(await errorOf(resumedSettings(resumed, nowhere)))).toBe(true);
    await saveSettings({ preset: "quick" }, nowhere);
    const error = await errorOf(resumedSettings(resumed, nowhere));
    expect(CheckpointError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(/run\.json is damaged/);
  });
});
