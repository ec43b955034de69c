import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DataError } from "@mmgen/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { writeIdx } from "../mnist/idx.fixture.js";
import { loadDigits } from "./load-digits.js";
import { proceduralDigits } from "./procedural-digits.js";

const train = proceduralDigits({ count: 12, seed: 1 });
const test = proceduralDigits({ count: 4, seed: 2 });
const sizes = { seed: 5, trainCount: 7, validationCount: 3, testCount: 2 };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-digits-"));
  vi.stubEnv("MMGEN_DATA_DIR", "");
  vi.stubEnv("MMGEN_CACHE_DIR", join(folder, "cache"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function writeFiles(): Promise<void> {
  await writeFile(join(folder, "train-images-idx3-ubyte"), writeIdx([12, 28, 28], train.images.data));
  await writeFile(join(folder, "train-labels-idx1-ubyte"), writeIdx([12], train.labels));
  await writeFile(join(folder, "t10k-images-idx3-ubyte"), writeIdx([4, 28, 28], test.images.data));
  await writeFile(join(folder, "t10k-labels-idx1-ubyte"), writeIdx([4], test.labels));
}

describe("loadDigits", () => {
  it("takes the first of the training files, the last of them, and the first of the test files", async () => {
    await writeFiles();
    const splits = await loadDigits({ ...sizes, dataDir: folder });
    expect(splits.train.labels).toEqual(train.labels.slice(0, 7));
    expect(splits.validation.labels).toEqual(train.labels.slice(9));
    expect(splits.validation.images.data).toEqual(train.images.data.slice(9 * 784));
    expect(splits.test.images.data).toEqual(test.images.data.slice(0, 2 * 784));
    expect(splits.source).toMatch(/^MNIST .*: 7 to train, 3 to validate, 2 to test$/);
  });

  it("refuses counts that overlap or run out, and sources it does not know", async () => {
    await writeFiles();
    const load = (change: object) => loadDigits({ ...sizes, dataDir: folder, ...change });
    await expect(load({ trainCount: 10 })).rejects.toSatisfy(ConfigError.isInstance.bind(ConfigError));
    await expect(load({ testCount: 5 })).rejects.toThrow("4 to test, got 7 + 3 and 5");
    await expect(load({ source: "fashion" })).rejects.toThrow('got "fashion"');
    await expect(load({ dataDirectory: folder })).rejects.toThrow("dataDirectory: there is no such field");
    await rm(join(folder, "t10k-labels-idx1-ubyte"));
    await expect(load({})).rejects.toSatisfy(DataError.isInstance.bind(DataError));
  });

  it("draws digits where there is no MNIST, disjoint and the same from a seed", async () => {
    const options = { ...sizes, download: false };
    const splits = await loadDigits(options);
    expect(splits.source).toMatch(/^Procedural digits, as there is no MNIST/);
    expect([splits.train, splits.validation, splits.test].map(({ labels }) => labels.length)).toEqual([7, 3, 2]);
    expect(await loadDigits(options)).toEqual(splits);
    expect(splits.train.images.data.slice(0, 784)).not.toEqual(splits.test.images.data.slice(0, 784));
    await expect(loadDigits({ ...options, source: "mnist" })).rejects.toThrow("No MNIST");
  });
});
