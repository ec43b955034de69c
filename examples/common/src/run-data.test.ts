import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError } from "@mmgen/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkRunData, describeRunData, saveRunData } from "./run-data.js";

const levels = Uint8Array.of(0, 1, 2, 3);
const captions = ["one on red", "two on blue"];
const digits = describeRunData("Digits from /here", [levels, captions]);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mmgen-run-data-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const foldersOf = (name: string) => ({ results: join(root, name), checkpoints: join(root, name, "checkpoints") });

describe("describeRunData", () => {
  it("tells apart what differs in a level, a caption, or where a part ends", () => {
    const others = [
      [Uint8Array.of(0, 1, 2, 2), captions],
      [levels, ["one on red", "two on red"]],
      [levels, captions.toReversed()],
      [levels.subarray(0, 3), Uint8Array.of(3), captions],
    ].map((part) => describeRunData(digits.source, part).sha256);
    expect(new Set([digits.sha256, ...others]).size).toBe(5);
  });
});

describe("checkRunData", () => {
  it("takes the same data, from wherever they come", async () => {
    const folders = foldersOf("same");
    await saveRunData(digits, folders);
    await checkRunData(describeRunData("Digits from /there", [levels.slice(), [...captions]]), folders);
    expect(JSON.parse(await readFile(join(folders.checkpoints, "data.json"), "utf8"))).toEqual(digits);
  });

  it("refuses others, and says what was learned from, what there is and what to do", async () => {
    const folders = foldersOf("other");
    await saveRunData(digits, folders);
    const drawn = describeRunData("Procedural digits", [levels.toReversed(), captions]);
    const error: unknown = await checkRunData(drawn, folders).catch((reason) => reason);
    expect(CheckpointError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(/Digits from \/here.*Procedural digits.*--data-dir or MMGEN_DATA_DIR/);
  });

  it("refuses a run that left no record of its data", async () => {
    const error: unknown = await checkRunData(digits, foldersOf("none")).catch((reason) => reason);
    expect(CheckpointError.isInstance(error)).toBe(true);
    expect((error as Error).message).toContain("data.json");
  });
});
