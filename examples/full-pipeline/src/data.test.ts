import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { CheckpointError } from "@mmgen/core";
import { beginRun, Narrator } from "@mmgen/example-common";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCheckpoints } from "./checkpoints.js";
import { dataOf, loadData, loadDataAgain } from "./data.js";
import { presets } from "./presets.js";
import type { RunSettings } from "./settings.js";

const config = { ...presets.smoke, data: { trainCount: 6, testCount: 3 } };
const settings: RunSettings = { preset: "smoke", config, data: "procedural", seed: 3 };
const options = { dataDir: undefined, log: () => {} };

let folders: { results: string; checkpoints: string };
beforeAll(async () => {
  const root = await mkdtemp(join(tmpdir(), "mmgen-data-"));
  folders = { results: join(root, "results"), checkpoints: join(root, "checkpoints") };
  const run = { settings, folders, resume: false, checkpoints: runCheckpoints(folders) };
  const narrator = new Narrator(folders, new PassThrough().resume());
  await beginRun({ ...run, narrator }, dataOf(await loadData(settings, options)));
});
afterAll(() => rm(join(folders.results, ".."), { recursive: true, force: true }));

describe("loadDataAgain", () => {
  it("gives what the run learned from, with or without images kept aside", async () => {
    const { train, validation } = await loadDataAgain(settings, folders, { ...options, validationCount: 2 });
    expect(train).toEqual((await loadDataAgain(settings, folders, options)).train);
    expect(validation.images.count).toBe(2);
  });

  it("refuses as many other images", async () => {
    // Another seed draws other digits, as another folder would hold others.
    const error: unknown = await loadDataAgain({ ...settings, seed: 4 }, folders, options).catch((reason) => reason);
    expect(CheckpointError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(/seed 3.*seed 4.*--data-dir/);
  });
});
