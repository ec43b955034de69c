import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DataError } from "../errors/errors.js";
import { lockFolder } from "./run-lock.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-lock-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const leave = (content: object | string) =>
  writeFile(join(folder, "run.lock"), typeof content === "string" ? content : JSON.stringify(content));

/** The number of a process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid!;
}

describe("lockFolder", () => {
  it("holds a folder, made where it is missing, until it is released", async () => {
    const inner = join(folder, "a", "b");
    const lock = await lockFolder(inner);
    const refused: unknown = await lockFolder(inner).catch((reason) => reason);
    expect(DataError.isInstance(refused)).toBe(true);
    expect((refused as Error).message).toContain(`in use by another run (process ${process.pid} on ${hostname()})`);
    await lock.release();
    await lock.release();
    expect(await readdir(inner)).toEqual([]);
    await (await lockFolder(inner)).release();
  });

  it.skipIf(process.platform === "win32")("leaves no lock where the disk takes no more", async () => {
    const script = join(folder, "lock.mjs");
    const source = fileURLToPath(new URL("./run-lock.ts", import.meta.url));
    buildSync({ entryPoints: [source], outfile: script, bundle: true, platform: "node", format: "esm" });
    const held = join(folder, "held");
    const program = `
      import { lockFolder } from ${JSON.stringify(script)};
      await lockFolder(${JSON.stringify(held)}).catch(({ message }) => console.log(message));`;
    const limited = [
      "-c",
      'ulimit -f 0; exec "$@"',
      "bash",
      process.execPath,
      "--input-type=module",
      "--eval",
      program,
    ];
    const { status, stdout } = spawnSync("bash", limited, { encoding: "utf8" });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/held cannot be written: EFBIG: .*\n$/)]);
    expect(await readdir(held)).toEqual([]);
  });

  it("does not release what a later run holds", async () => {
    const first = await lockFolder(folder);
    await first.release();
    const second = await lockFolder(folder);
    await first.release();
    expect(await readdir(folder)).toEqual(["run.lock"]);
    await second.release();
  });

  it("takes over what a dead process left, or a crash cut short", async () => {
    for (const content of [{ pid: await deadProcess(), host: hostname() }, '{"pid": 1', ""]) {
      await leave(content);
      await utimes(join(folder, "run.lock"), 1, 1);
      const lock = await lockFolder(folder);
      expect(JSON.parse(await readFile(join(folder, "run.lock"), "utf8")).pid).toBe(process.pid);
      await lock.release();
      expect(await readdir(folder)).toEqual([]);
    }
  });

  it("leaves the lock of another host alone, and says how to remove it", async () => {
    await leave({ pid: await deadProcess(), host: "elsewhere" });
    await expect(lockFolder(folder)).rejects.toThrow(/on elsewhere\).*remove run\.lock/);
  });

  it("waits for a lock that is being written", async () => {
    await leave("");
    await expect(lockFolder(folder)).rejects.toThrow("in use");
  });

  it("lets one of many win", async () => {
    const pid = await deadProcess();
    for (let round = 0; round < 20; round++) {
      await leave({ pid, host: hostname() });
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)));
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await readdir(folder)).toEqual(["run.lock"]);
    }
  });

  it("recovers from a crash while it took over another's lock", async () => {
    await leave({ pid: await deadProcess(), host: hostname() });
    await writeFile(join(folder, "run.lock.takeover"), "");
    await utimes(join(folder, "run.lock.takeover"), 1, 1);
    await expect(lockFolder(folder)).rejects.toThrow("in use");
    await (await lockFolder(folder)).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it("names a folder that cannot be written", async () => {
    await leave("");
    await expect(lockFolder(join(folder, "run.lock", "inner"))).rejects.toThrow(/cannot be written.*another folder/s);
  });
});
