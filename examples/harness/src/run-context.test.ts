import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { AbortedError, ConfigError, localProcesses } from "@mmgen/core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { inRunFolder, type RunContext, type RunFlags, startRun } from "./run-context.js";
import { RunFolder } from "./run-folder.js";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "mmgen-run-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
  vi.restoreAllMocks();
});

const example = { command: "npm start", earlier: { checkpoints: [], results: [] } };

it("adds to an interruption how to go on, and gives the folder free", async () => {
  const folder = new RunFolder(root, "unused", "npm start");
  const run = (error: Error) =>
    inRunFolder({ folder, resume: false, force: false }, example, () => Promise.reject(error));
  const stopped = new AbortedError("Stopped while training the transformer, after step 3 of 9. Or so.");
  await expect(run(stopped)).rejects.toThrow(
    'Stopped while training the transformer, after step 3 of 9. Go on with "npm start -- --resume" (and the same --out).',
  );
  await expect(run(new ConfigError("no"))).rejects.toThrow(/^no$/);
});

it("lets the first process of a group alone print and write", async () => {
  const printed = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const summaries = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  // Handlers of signals would outlive this test.
  vi.spyOn(process, "on").mockReturnThis();
  const groups = localProcesses(2);
  const started: unknown[][] = [];
  // As two processes would, each with what the launcher gives it.
  const runs = groups.map((group) => {
    const flags: RunFlags = {
      ...{ backend: "onnx", device: "cuda", replay: true },
      ...{ resume: false, out: join(root, String(group.rank)), processes: "mpi" },
    };
    return startRun(flags, {
      ...{ command: "npm start", folder: root },
      runs: { resolveSettings: async () => ({ preset: "quick", seed: 1 }) },
      startBackend: async ({ backend, device, replay }) => {
        started.push([group.rank, backend, device, replay]);
        return `${backend} (${device})`;
      },
      loadMpi: async () => ({ runWithMpi: (program) => program({ group }) }),
      pipeline: async (run: RunContext<unknown>) => {
        await inRunFolder(run, example, async () => {
          await run.folder.begin({
            ...run,
            earlier: example.earlier,
            data: { source: "none", sha256: "0".repeat(64) },
          });
          await run.folder.write("model.bin", "weights");
          run.progress.log("written");
        });
        return run.group?.rank ? undefined : ((await run.folder.read("model.bin"))?.length ?? 0);
      },
      summarize: (bytes) => `${bytes} bytes`,
    });
  });
  await Promise.all(runs);
  expect(printed.mock.calls.map(([text]) => text)).toEqual([
    "Backend: onnx (cuda). Processes: 2. Preset: quick, seed 1.\n",
    "written\n",
  ]);
  expect(started.sort()).toEqual([0, 1].map((rank) => [rank, "onnx", "cuda", true]));
  expect(summaries.mock.calls.map(([text]) => text).filter((text) => text !== "")).toEqual(["7 bytes"]);
  expect([0, 1].map((rank) => existsSync(join(root, String(rank))))).toEqual([true, false]);
});

it("remembers --data-dir for a resume, and says where it is gone", async () => {
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  vi.spyOn(process, "on").mockReturnThis();
  const [images, moved] = [join(root, "images"), join(root, "moved")];
  mkdirSync(images);
  const found: (string | undefined)[] = [];
  const start = (flags: Partial<RunFlags>) =>
    startRun(
      { backend: "cpu", resume: false, out: join(root, "run"), ...flags },
      {
        ...{ command: "npm start", folder: root },
        runs: { resolveSettings: async () => ({ preset: "quick", seed: 1 }) },
        startBackend: async ({ backend }) => backend,
        loadMpi: () => Promise.reject(new Error("not asked for")),
        pipeline: async (run: RunContext<unknown>) => {
          const data = { source: "images", sha256: "0".repeat(64) };
          await inRunFolder(run, example, () => run.folder.begin({ ...run, earlier: example.earlier, data }));
          found.push(run.dataDir);
        },
        summarize: () => "",
      },
    );
  await start({ dataDir: relative(process.env.INIT_CWD ?? process.cwd(), images) });
  await start({ resume: true });
  renameSync(images, moved);
  await expect(start({ resume: true })).rejects.toThrow(`no longer in ${images}. Name their folder with --data-dir`);
  await start({ resume: true, dataDir: moved });
  expect(found).toEqual([images, images, moved]);
  await start({ force: true });
  await start({ resume: true });
  expect(found.slice(3)).toEqual([undefined, undefined]);
});
