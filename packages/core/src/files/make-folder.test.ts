import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DataError } from "../errors/errors.js";
import { makeFolder } from "./make-folder.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "mmgen-folder-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const refusal = async (path: string) => {
  const error: unknown = await makeFolder(path).catch((reason) => reason);
  expect(DataError.isInstance(error)).toBe(true);
  return (error as Error).message;
};

describe("makeFolder", () => {
  it("makes what is missing, also where many do so at once, and leaves what is there", async () => {
    const path = join(root, "a", "b", "c");
    await Promise.all(Array.from({ length: 8 }, () => makeFolder(path)));
    await writeFile(join(path, "kept"), "kept");
    await symlink(path, join(root, "link"));
    for (const again of [path, join(path, "..", "c"), join(root, "link"), `${path}/`]) {
      await makeFolder(again);
    }
    expect(await readFile(join(path, "kept"), "utf8")).toBe("kept");
    await makeFolder(join(root, "link", "d"));
    expect((await stat(join(path, "d"))).isDirectory()).toBe(true);
  });

  it("refuses what is no folder, and a link to nothing", async () => {
    await writeFile(join(root, "file"), "kept");
    expect(await refusal(join(root, "file"))).toMatch(/file cannot be written: EEXIST: .*Choose another folder/);
    expect(await refusal(join(root, "file", "x"))).toMatch(/x cannot be written: ENOTDIR/);
    await symlink(join(root, "gone"), join(root, "nothing"));
    expect(await refusal(join(root, "nothing", "x"))).toContain(`mkdir '${join(root, "nothing")}'`);
    expect(await readFile(join(root, "file"), "utf8")).toBe("kept");
  });

  // Not even the superuser makes folders there, and Node's recursive `mkdir` would not come to an end.
  it.skipIf(process.platform !== "linux").each(["/proc/mmgen/results", "/proc/self/results", "/dev/null/results"])(
    "ends at %s",
    async (path) => {
      expect(await refusal(path)).toContain(`${path} cannot be written: `);
    },
    5000,
  );

  it.skipIf(process.platform === "win32")("refuses a folder that the process may not write into", async () => {
    const locked = join(root, "locked");
    await mkdir(locked, { mode: 0o555 });
    // To the superuser all is permitted: it becomes nobody, for as long.
    const isRoot = process.getuid?.() === 0;
    await chmod(root, 0o755);
    if (isRoot) {
      process.seteuid!(65_534);
    }
    try {
      expect(await refusal(join(locked, "results"))).toMatch(/results cannot be written: (EACCES|EPERM)/);
    } finally {
      if (isRoot) {
        process.seteuid!(0);
      }
    }
  });
});
