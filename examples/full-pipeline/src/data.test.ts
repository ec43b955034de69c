import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError } from "@mmgen/core";
import { RunFolder } from "@mmgen/example-harness";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { presets, type RunSettings } from "./config.js";
import { describeData, loadData } from "./data.js";

const config = { ...presets.smoke, data: { ...presets.smoke.data, trainCount: 6, testCount: 3 } };
const settings: RunSettings = { preset: "smoke", config, data: "procedural", seed: 3 };
const options = { dataDir: undefined, log: () => {} };

let root: string;
let folder: RunFolder;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mmgen-data-"));
  folder = new RunFolder(root, "unused", "npm start");
  const data = describeData(await loadData(settings, options));
  await folder.begin({ settings, data, resume: false, earlier: { checkpoints: [], results: [] } });
  await folder.release();
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe("loadData", () => {
  it("gives what the run learned from, with or without images kept aside", async () => {
    const kept = await loadData(settings, { ...options, validationCount: 2 });
    expect(kept.validation.images.count).toBe(2);
    await folder.checkData(describeData(kept));
    expect(kept.train).toEqual((await loadData(settings, options)).train);
  });

  it("gives another seed's images as other data, which a resume refuses", async () => {
    const error: unknown = await folder
      .checkData(describeData(await loadData({ ...settings, seed: 4 }, options)))
      .catch((reason) => reason);
    expect(CheckpointError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(/seed 3.*seed 4.*--data-dir/);
  });
});

describe("a folder of images", () => {
  const ofFolder: RunSettings = { ...settings, data: "folder" };

  async function imageFolder(name: string, captioned: boolean) {
    const path = join(root, name);
    await mkdir(path, { recursive: true });
    for (let i = 0; i < 20; i++) {
      const background = { r: 12 * i, g: 100, b: 50 };
      await sharp({ create: { width: 40, height: 30, channels: 3, background } })
        .png()
        .toFile(join(path, `${i}.png`));
      if (captioned) {
        await writeFile(join(path, `${i}.txt`), i % 2 ? "an odd square" : "an even square");
      }
    }
    return path;
  }

  it("is split into a training and a test part, without attributes", async () => {
    const dataDir = await imageFolder("captioned", true);
    const large = { ...ofFolder, config: { ...config, data: { ...config.data, trainCount: 100, testCount: 9 } } };
    const { train, test, validation, words, source } = await loadData(large, { ...options, dataDir });
    // A tenth at most is kept for the test.
    expect([train.images.count, test.images.count, validation.images.count]).toEqual([18, 2, 0]);
    expect([train.images.height, train.images.width, train.images.maxValue]).toEqual([32, 32, 255]);
    expect(new Set(train.captions)).toEqual(new Set(["an odd square", "an even square"]));
    expect([train.labels, words]).toEqual([undefined, undefined]);
    expect(source).toContain("20 images");
  });

  it("trains on no more images than asked for", async () => {
    const dataDir = await imageFolder("captioned", true);
    expect((await loadData(ofFolder, { ...options, dataDir })).train.images.count).toBe(6);
  });

  it("is refused without its name or without captions", async () => {
    await expect(loadData(ofFolder, options)).rejects.toThrow(/--data-dir/);
    const dataDir = await imageFolder("bare", false);
    await expect(loadData(ofFolder, { ...options, dataDir })).rejects.toThrow(/caption/);
  });
});
