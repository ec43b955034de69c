import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, it } from "vitest";
import { beginRun } from "./begin-run.js";
import { CheckpointFolder } from "./checkpoint-folder.js";
import { Narrator } from "./narrator.js";
import { describeRunData } from "./run-data.js";

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
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function begin(resume: boolean): Promise<{ results: string[]; checkpoints: string[] }> {
  const folders = { results: join(root, "results"), checkpoints: join(root, "checkpoints") };
  const checkpoints = new CheckpointFolder(folders.checkpoints, { weights: "weights.safetensors" }, "");
  const narrator = new Narrator(folders, new PassThrough().resume());
  await beginRun({ checkpoints, folders, narrator, resume, settings: {} }, data);
  return {
    results: (await readdir(folders.results)).sort(),
    checkpoints: (await readdir(folders.checkpoints)).sort(),
  };
}

it("makes room for a new run, and leaves what others put there", async () => {
  expect(await begin(false)).toEqual({
    results: ["report.html"],
    checkpoints: [halves[1], "data.json", "notes.txt", "run.json"],
  });
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
