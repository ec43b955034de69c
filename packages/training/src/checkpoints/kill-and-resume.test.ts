import { spawn } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Random } from "@mmgen/core";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { timelessState } from "./timeless-state.fixture.js";

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-kill-"));
  program = join(folder, "run.mjs");
  const source = (path: string) => fileURLToPath(new URL(`../../../${path}.ts`, import.meta.url));
  await build({
    entryPoints: [source("training/src/checkpoints/killed-run.fixture")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    // One tfjs-core: its gradients are only there as ES modules.
    mainFields: ["module", "main"],
    // nn's package.json names built files as those with side effects, and these are sources.
    ignoreAnnotations: true,
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    alias: {
      "@mmgen/core/node": source("core/src/node"),
      "@mmgen/core/options": source("core/src/options"),
      "@mmgen/core": source("core/src/index"),
      "@mmgen/nn/gradients": source("nn/src/gradients"),
      "@mmgen/nn/layers": source("nn/src/layers"),
      "@mmgen/nn": source("nn/src/index"),
    },
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** When a run is killed: from step `at` on, `delay` ms after a step, or as soon as the file of a writing appears. */
type Kill =
  | { readonly at: number; readonly of: "step"; readonly delay: number }
  | { readonly at: number; readonly of: "writing" };

/** Runs the program until it ends or is killed, and gives its last line. */
async function live(run: string, kill?: Kill): Promise<string> {
  const child = spawn(process.execPath, [program, run], { stdio: ["ignore", "pipe", "ignore"] });
  const exit = once(child, "exit");
  const halves = new Set(await readdir(run));
  let isDue = false;
  const watcher = watch(run, (_, name) => {
    const isNew = name?.endsWith(".tmp") === true && halves.size < halves.add(name).size;
    if (isNew && isDue && kill?.of === "writing") {
      child.kill("SIGKILL");
    }
  });
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) {
    last = line;
    if (kill && !isDue && line.startsWith("step") && Number(line.split(" ")[1]) >= kill.at) {
      isDue = true;
      if (kill.of === "step") {
        setTimeout(() => child.kill("SIGKILL"), kill.delay);
      }
    }
  }
  await exit;
  watcher.close();
  return last;
}

async function checkpointsOf(run: string): Promise<[step: string, sum: string][]> {
  const text = await readFile(join(run, "checkpoints.txt"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ") as [string, string]);
}

const kills = 20;

it(`killed ${kills} times, at steps and while it writes, a run ends with the checkpoints of one that never stopped`, async () => {
  const [whole, killed] = [join(folder, "whole"), join(folder, "killed")];
  await mkdir(whole);
  await mkdir(killed);
  expect(await live(whole)).toBe("end stopped-early");
  const expected = new Map(await checkpointsOf(whole));
  const steps = Math.max(...[...expected.keys()].map(Number));
  expect(steps).toBeGreaterThan(90);

  // Anywhere in the run, so that some lives are long and some a step; but not where it may still reach its end.
  const random = Random.fromSeed(5);
  const at = Array.from({ length: kills }, () => 1 + random.integer(steps - 10)).sort((a, b) => a - b);
  for (const [kill, step] of at.entries()) {
    const delay = 4 * random.uniform();
    const last = await live(killed, kill % 2 === 0 ? { of: "writing", at: step } : { of: "step", at: step, delay });
    expect(last).not.toMatch(/^end/);
  }
  expect(await live(killed)).toBe("end stopped-early");

  const found = await checkpointsOf(killed);
  expect(found.filter(([step, sum]) => expected.get(step) !== sum)).toEqual([]);
  const [state, wanted] = await Promise.all([killed, whole].map((run) => readFile(join(run, "state.safetensors"))));
  expect(Buffer.compare(timelessState(state!), timelessState(wanted!))).toBe(0);
  // Some of the kills came in the middle of a writing: what was half written lies beside, under another name.
  const halves = (await readdir(killed)).filter((entry) => entry.endsWith(".tmp"));
  expect(halves.length).toBeGreaterThan(0);
  console.log(
    `${halves.length} of ${kills} kills came in the middle of a writing; ${expected.size} checkpoints compared`,
  );
}, 300_000);
