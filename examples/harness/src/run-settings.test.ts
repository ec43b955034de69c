import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError, ConfigError } from "@mmgen/core";
import { fields, optional, text, wholeNumber } from "@mmgen/core/options";
import { afterEach, beforeEach, expect, expectTypeOf, it } from "vitest";
import { RunFolder } from "./run-folder.js";
import { defineRuns, type SettingsOf } from "./run-settings.js";

const runs = defineRuns({
  configSchema: fields({ steps: wholeNumber({ min: 1 }) }),
  presets: { smoke: { steps: 1 }, quick: { steps: 2 } },
  data: ["drawn", "own"],
  forData: (preset, { data }) => (data === "own" ? { steps: 10 * preset.steps } : preset),
  own: {
    fields: { note: optional(text()) },
    resolve: ({ note }) => (note === undefined ? {} : { note: note.toUpperCase() }),
  },
  fromOlderVersion: (json) => {
    const { steps, ...settings } = json as { steps?: number };
    return steps === undefined ? json : { ...settings, config: { steps } };
  },
});
const flags = { backend: "auto", resume: false };

let folder: RunFolder;
beforeEach(async () => {
  folder = new RunFolder(await mkdtemp(join(tmpdir(), "mmgen-settings-")), "unused", "npm start");
});
afterEach(() => rm(join(folder.results, ".."), { recursive: true, force: true }));

it("defaults to quick, the first data and seed 1, the example's own settings before the seed", async () => {
  expect(await runs.resolveSettings(flags, folder)).toEqual({
    ...{ preset: "quick", config: { steps: 2 }, data: "drawn", seed: 1 },
  });
  const settings = await runs.resolveSettings({ ...flags, preset: "smoke", data: "own", seed: 0, note: "a" }, folder);
  expect(JSON.stringify(settings)).toBe('{"preset":"smoke","config":{"steps":10},"data":"own","note":"A","seed":0}');
  expectTypeOf<SettingsOf<typeof runs>["preset"]>().toEqualTypeOf<"smoke" | "quick">();
  expectTypeOf<SettingsOf<typeof runs>["note"]>().toEqualTypeOf<string | undefined>();
});

it("resumes with the settings in the folder, an older version's too, and with no others", async () => {
  const resumed = { ...flags, resume: true };
  await expect(runs.resolveSettings(resumed, folder)).rejects.toSatisfy(
    CheckpointError.isInstance.bind(CheckpointError),
  );
  const older = { preset: "quick", steps: 3, data: "own", note: "A", seed: 7 };
  await folder.write("run.json", JSON.stringify(older));
  const { steps, ...settings } = older;
  expect(await runs.resolveSettings(resumed, folder)).toEqual({ ...settings, config: { steps } });
  for (const given of [{ preset: "smoke" as const }, { note: "B" }, { seed: 7 }]) {
    const refused = runs.resolveSettings({ ...resumed, ...given }, folder);
    await expect(refused).rejects.toThrow(`--${Object.keys(given)[0]} cannot be given with --resume`);
    await expect(refused).rejects.toSatisfy(ConfigError.isInstance.bind(ConfigError));
  }
});
