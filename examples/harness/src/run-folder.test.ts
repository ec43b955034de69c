import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError } from "@mmgen/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeRunData, RunFolder } from "./run-folder.js";

const data = describeRunData("Digits", [Uint8Array.of(1, 2, 3)]);
/** What a process killed in the middle of a writing leaves of weights, and of a file that is not the run's. */
const halves = [".weights.safetensors.8d0c.tmp", ".notes.txt.8d0c.tmp"];

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "mmgen-begin-"));
  const files = {
    results: ["tokenizer.jsonl", "evaluation.json", "evaluation-validation.json", "report.html"],
    checkpoints: ["weights.safetensors", "notes.txt", ...halves],
  };
  for (const [folder, names] of Object.entries(files)) {
    await mkdir(join(root, folder));
    await Promise.all(names.map((name) => writeFile(join(root, folder, name), "of an earlier run")));
  }
  await mkdir(join(root, "results", "tensorboard"));
  await writeFile(join(root, "results", "tensorboard", "events"), "of an earlier run");
});
afterEach(() => rm(root, { recursive: true, force: true }));

const earlier = { checkpoints: [/^weights/], results: [/\.jsonl$/, /^evaluation.*\.json$/] };

async function begin(resume: boolean): Promise<{ results: string[]; checkpoints: string[] }> {
  const folder = new RunFolder(root, "unused", "npm start");
  await folder.begin({ settings: {}, data, resume, force: !resume, earlier });
  await folder.release();
  return {
    results: (await readdir(folder.results)).sort(),
    checkpoints: (await readdir(folder.checkpoints)).sort(),
  };
}

it("removes what an earlier run left, and nothing else", async () => {
  expect(await begin(false)).toEqual({
    results: ["report.html"],
    checkpoints: [halves[1], "data.json", "notes.txt", "run.json"],
  });
});

it("refuses a folder that holds an earlier run, unless that goes on or is to be replaced", async () => {
  const folder = new RunFolder(root, "unused", "npm start");
  const before = [await readdir(folder.checkpoints), await readdir(folder.results)];
  const open = (resume: boolean, force: boolean) => folder.open({ resume, force, earlier });
  await expect(open(false, false)).rejects.toThrow(
    `${root} holds an earlier run (weights.safetensors, evaluation-validation.json, evaluation.json, …). Go on with it`,
  );
  expect([await readdir(folder.checkpoints), await readdir(folder.results)]).toEqual(before);
  for (const [resume, force] of [
    [true, false],
    [false, true],
  ] as const) {
    await open(resume, force);
    await folder.release();
  }
  // Settings alone are no run: nothing has been learned yet.
  const other = new RunFolder(join(root, "new"), "unused", "npm start");
  for (let i = 0; i < 2; i++) {
    await other.begin({ settings: {}, data, resume: false, force: false, earlier });
    await other.release();
  }
});

it("names what cannot be a folder in one line", async () => {
  const file = join(root, "checkpoints", "notes.txt");
  const refused = new RunFolder(file, "unused", "npm start").open({ resume: false, force: false, earlier });
  await expect(refused).rejects.toThrow(/notes\.txt\/checkpoints cannot be written: .*another folder/);
  const half = join(root, "half");
  await mkdir(half);
  await writeFile(join(half, "results"), "a file");
  const open = new RunFolder(half, "unused", "npm start").open({ resume: false, force: false, earlier });
  await expect(open).rejects.toThrow(/half\/results cannot be written: EEXIST/);
  expect(await readdir(join(half, "checkpoints"))).toEqual([]);
});

it.skipIf(process.platform !== "linux")("names a folder that takes no files, before anything long begins", async () => {
  const open = (out: string) =>
    new RunFolder(out, "unused", "npm start").open({ resume: false, force: false, earlier });
  await expect(open("/proc/self")).rejects.toThrow(
    /^\/proc\/self\/checkpoints cannot be written: ENOENT.*another folder/,
  );
  // There is such a folder, and not even the superuser may make anything in it.
  const out = join(root, "out");
  await mkdir(out);
  await symlink("/proc/self", join(out, "results"));
  await expect(open(out)).rejects.toThrow(/out\/results cannot be written: ENOENT.*--out/);
  expect(await readdir(join(out, "checkpoints"))).toEqual([]);
});

it("keeps everything of a run that is resumed", async () => {
  await begin(false);
  await writeFile(join(root, "checkpoints", "weights.safetensors"), "of this run");
  await writeFile(join(root, "results", "tokenizer.jsonl"), "of this run");
  expect(await begin(true)).toEqual({
    results: ["report.html", "tokenizer.jsonl"],
    checkpoints: [halves[1], "data.json", "notes.txt", "run.json", "weights.safetensors"],
  });
});

it("refuses a folder that another run holds, before anything is removed", async () => {
  const first = new RunFolder(root, "unused", "npm start");
  await first.begin({ settings: {}, data, resume: false, force: true, earlier });
  await writeFile(join(root, "checkpoints", "weights.safetensors"), "of the first run");
  const second = new RunFolder(root, "unused", "npm start");
  await expect(second.begin({ settings: {}, data, resume: false, force: true, earlier })).rejects.toThrow(
    "in use by another run",
  );
  await second.release();
  expect(await readdir(first.checkpoints)).toContain("weights.safetensors");
  await first.release();
  await second.begin({ settings: {}, data, resume: false, force: true, earlier });
  await second.release();
});

it("gives the folder free where it is refused other data", async () => {
  const first = new RunFolder(root, "unused", "npm start");
  await first.begin({ settings: {}, data, resume: false, force: true, earlier });
  await first.release();
  const other = describeRunData("Digits", [Uint8Array.of(3, 2, 1)]);
  await expect(first.begin({ settings: {}, data: other, resume: true, force: false, earlier })).rejects.toThrow(
    "other data",
  );
  expect(await readdir(first.checkpoints)).not.toContain("run.lock");
});

describe("the data of a run", () => {
  const levels = Uint8Array.of(0, 1, 2, 3);
  const captions = ["one on red", "two on blue"];
  const digits = describeRunData("Digits from /here", [levels, captions]);

  async function learnedFrom(learned: typeof digits) {
    const folder = new RunFolder(root, "unused", "npm start");
    await folder.begin({ settings: {}, data: learned, resume: false, force: true, earlier });
    await folder.release();
    return folder;
  }

  it("differs by a level, a caption, or where a part ends", () => {
    const others = [
      [Uint8Array.of(0, 1, 2, 2), captions],
      [levels, ["one on red", "two on red"]],
      [levels, captions.toReversed()],
      [levels.subarray(0, 3), Uint8Array.of(3), captions],
    ].map((part) => describeRunData(digits.source, part).sha256);
    expect(new Set([digits.sha256, ...others]).size).toBe(5);
  });

  it("is accepted from wherever it comes", async () => {
    const folder = await learnedFrom(digits);
    await folder.checkData(describeRunData("Digits from /there", [levels.slice(), [...captions]]));
    expect(JSON.parse(await readFile(join(folder.checkpoints, "data.json"), "utf8"))).toEqual(digits);
  });

  it("is refused where it is other data: what was learned from, what is there and what to do", async () => {
    const folder = await learnedFrom(digits);
    const drawn = describeRunData("Procedural digits", [levels.toReversed(), captions]);
    const error: unknown = await folder.checkData(drawn).catch((reason) => reason);
    expect(CheckpointError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(/Digits from \/here.*Procedural digits.*--data-dir or MMGEN_DATA_DIR/);
  });

  it("is refused where the run left no record of it, or a damaged one", async () => {
    const folder = new RunFolder(join(root, "none"), "unused", "npm start");
    await expect(folder.checkData(digits)).rejects.toThrow("data.json");
    const damaged = await learnedFrom(digits);
    await writeFile(join(damaged.checkpoints, "data.json"), '{"source": "Digits", "sha": 1}');
    await expect(damaged.checkData(digits)).rejects.toThrow(/data\.json is damaged.*Train again/);
  });
});
