import { execFileSync, spawnSync } from "node:child_process";
import {
  chmod,
  chown,
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DataError } from "../errors/errors.js";
import { isTemporaryOf, writeFileAtomic } from "./atomic-files.js";
import { readFileBytes } from "./read-file.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-atomic-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("writeFileAtomic", () => {
  it("writes bytes and text, makes folders, replaces what is there, and leaves nothing beside it", async () => {
    const path = join(folder, "a", "b", "weights.safetensors");
    await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    await writeFileAtomic(path, "zwölf");
    expect(await readFile(path, "utf8")).toBe("zwölf");
    expect(await readdir(join(folder, "a", "b"))).toEqual(["weights.safetensors"]);
  });

  it("writes only the bytes of a view", async () => {
    const path = join(folder, "view");
    await writeFileAtomic(path, Uint8Array.of(9, 1, 2, 9).subarray(1, 3));
    expect([...(await readFile(path))]).toEqual([1, 2]);
  });

  it("takes a name as long as a file system allows", async () => {
    const path = join(folder, "n".repeat(255));
    await writeFileAtomic(path, "x");
    expect(await readFile(path, "utf8")).toBe("x");
  });

  it("leaves under a name that tells what it was to be", async () => {
    const names = [".weights.8d0c.tmp", ".weights.8d0c", "weights", ".weight.8d0c.tmp", `.${"n".repeat(100)}.8d0c.tmp`];
    expect(names.map((name) => isTemporaryOf(name, "weights"))).toEqual([true, false, false, false, false]);
    expect(isTemporaryOf(names[4]!, "n".repeat(255))).toBe(true);
  });

  it("keeps one of the contents whole when many write at once", async () => {
    const path = join(folder, "contested");
    const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000));
    await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
    expect(contents).toContain(await readFile(path, "utf8"));
    expect(await readdir(folder)).toEqual(["contested"]);
  });

  it("throws DataError and removes its temporary file when the target is a folder", async () => {
    const path = join(folder, "target");
    await mkdir(path);
    const writing = writeFileAtomic(path, "x");
    await expect(writing).rejects.toSatisfy(DataError.isInstance.bind(DataError));
    await expect(writing).rejects.toThrow(`Cannot write ${path}`);
    expect(await readdir(folder)).toEqual(["target"]);
  });

  it("keeps the mode and the owner of the file that was there", async () => {
    const path = join(folder, "private");
    await writeFile(path, "old", { mode: 0o640 });
    await chmod(path, 0o640);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) {
      await chown(path, 12_345, 54_321);
    }
    const before = await stat(path);
    await writeFileAtomic(path, "new");
    const { mode, uid, gid } = await stat(path);
    expect({ mode, uid, gid }).toEqual({ mode: before.mode, uid: before.uid, gid: before.gid });
    expect(await readFile(path, "utf8")).toBe("new");
    if (!isRoot) {
      await chmod(path, 0o440);
      await expect(writeFileAtomic(path, "newer")).rejects.toThrow(DataError);
    }
  });

  it("writes through symbolic links, which stay", async () => {
    await mkdir(join(folder, "store"));
    await writeFile(join(folder, "store", "v1"), "old");
    await symlink(join("store", "v1"), join(folder, "current"));
    await symlink("current", join(folder, "latest"));
    await writeFileAtomic(join(folder, "latest"), "new");
    expect(await readFile(join(folder, "store", "v1"), "utf8")).toBe("new");
    expect(await readlink(join(folder, "latest"))).toBe("current");
    // To a file that is not there yet.
    await symlink(join("store", "deep", "v2"), join(folder, "next"));
    await writeFileAtomic(join(folder, "next"), "first");
    expect(await readFile(join(folder, "store", "deep", "v2"), "utf8")).toBe("first");
    expect(await readlink(join(folder, "next"))).toBe(join("store", "deep", "v2"));
    await symlink("circle", join(folder, "circle"));
    await expect(writeFileAtomic(join(folder, "circle"), "x")).rejects.toThrow("lead in a circle");
    expect((await readdir(join(folder, "store"))).sort()).toEqual(["deep", "v1"]);
  });

  it.skipIf(process.platform === "win32")("never replaces a device or a pipe", async () => {
    await symlink("/dev/null", join(folder, "null"));
    execFileSync("mkfifo", [join(folder, "pipe")]);
    for (const name of ["null", "pipe"]) {
      await expect(writeFileAtomic(join(folder, name), "x")).rejects.toThrow("it is a device, pipe or socket");
    }
    expect((await stat("/dev/null")).isCharacterDevice()).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(["null", "pipe"]);
  });

  it("needs no more of a file handle than Yarn's Plug'n'Play gives", async () => {
    const path = join(folder, "pnp");
    const handle = await open(path, "w");
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const missing = () => Promise.reject(new Error("Method not implemented."));
    for (const name of ["sync", "datasync", "utimes", "readv"] as const) {
      vi.spyOn(prototype, name).mockImplementation(missing as never);
    }
    const read = prototype.read;
    vi.spyOn(prototype, "read").mockImplementation(function (this: FileHandle, ...args: unknown[]) {
      return args.length === 4 ? (Reflect.apply(read, this, args) as never) : (missing() as never);
    } as never);
    try {
      await writeFileAtomic(path, "kept");
      expect(new TextDecoder().decode(await readFileBytes(path, "file"))).toBe("kept");
    } finally {
      vi.restoreAllMocks();
    }
  });

  it("throws DataError when a parent is a file", async () => {
    await writeFile(join(folder, "file"), "kept");
    await expect(writeFileAtomic(join(folder, "file", "x"), "x")).rejects.toThrow(DataError);
    expect(await readFile(join(folder, "file"), "utf8")).toBe("kept");
  });

  it("leaves the old content, and no temporary file, when writing fails midway", async () => {
    const path = join(folder, "old");
    await writeFile(path, "old content");
    // An iterable that breaks after some bytes: what a full disk looks like to the function.
    const breaking = {
      async *[Symbol.asyncIterator]() {
        yield Buffer.from("half of the new");
        throw new Error("disk full");
      },
    };
    await expect(writeFileAtomic(path, breaking as never)).rejects.toThrow("disk full");
    expect(await readFile(path, "utf8")).toBe("old content");
    expect(await readdir(folder)).toEqual(["old"]);
  });

  /** Bundles the function for processes of its own; the bundle's path. */
  const bundled = () => {
    const source = fileURLToPath(new URL("./atomic-files.ts", import.meta.url));
    const script = join(folder, "writer.mjs");
    buildSync({ entryPoints: [source], outfile: script, bundle: true, platform: "node", format: "esm" });
    return script;
  };

  it.skipIf(process.platform === "win32")(
    "leaves the old content where the new is larger than a file may be",
    async () => {
      const inner = join(folder, "checkpoints");
      const path = join(inner, "old");
      await mkdir(inner);
      await writeFile(path, "old content");
      const program = `
      import { writeFileAtomic } from ${JSON.stringify(bundled())};
      for (const name of ["old", "new"]) {
        const path = ${JSON.stringify(inner)} + "/" + name;
        await writeFileAtomic(path, new Uint8Array(5000)).catch(({ message }) => console.log(message));
      }
      await writeFileAtomic(${JSON.stringify(join(inner, "small"))}, new Uint8Array(1000));`;
      const limited = [
        "-c",
        'ulimit -f 2; exec "$@"',
        "bash",
        process.execPath,
        "--input-type=module",
        "--eval",
        program,
      ];
      const { status, stderr, stdout } = spawnSync("bash", limited, { encoding: "utf8" });
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout.split("\n")).toEqual([
        ...["old", "new"].map((name) => `Cannot write ${join(inner, name)}: EFBIG: file too large, write`),
        "",
      ]);
      expect(await readFile(path, "utf8")).toBe("old content");
      expect((await readdir(inner)).sort()).toEqual(["old", "small"]);
    },
  );

  it("leaves the old content when the process is killed midway", async () => {
    const path = join(folder, "old");
    await writeFile(path, "old content");
    const script = bundled();
    // Writes some of the new content, then dies as hard as a process can, before the rename.
    const program = `
      import { writeFileAtomic } from ${JSON.stringify(script)};
      await writeFileAtomic(${JSON.stringify(path)}, {
        async *[Symbol.asyncIterator]() {
          yield Buffer.from("half of the new");
          process.kill(process.pid, "SIGKILL");
          yield Buffer.from("never");
        },
      });`;
    const { signal } = spawnSync(process.execPath, ["--input-type=module", "--eval", program]);
    expect(signal).toBe("SIGKILL");
    expect(await readFile(path, "utf8")).toBe("old content");
  });
});
