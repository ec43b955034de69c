import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DataError } from "../errors/errors.js";
import { defaultLimits, resolveLimits } from "./limits.js";
import { readFileBytes, readFileText, withBoundedFile } from "./read-file.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-read-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = async (content: string | Uint8Array, name = "file") => {
  await writeFile(join(folder, name), content);
  return join(folder, name);
};

async function refusal(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => new Error("was read"),
    (reason: Error) => reason,
  );
  expect(DataError.isInstance(error)).toBe(true);
  return error.message;
}

describe("readFileBytes", () => {
  it("gives a plain Uint8Array of its own, whose slice copies; through a link too", async () => {
    const path = await write(Uint8Array.of(1, 2, 3));
    await symlink(path, join(folder, "link"));
    for (const name of ["file", "link"]) {
      const bytes = await readFileBytes(join(folder, name), "test file");
      expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
      expect([...bytes]).toEqual([1, 2, 3]);
      expect(bytes.buffer.byteLength).toBe(3);
    }
  });

  it("says what it wanted and where it looked", async () => {
    const message = await refusal(readFileBytes(join(folder, "none"), "transformer checkpoint"));
    expect(message).toContain(`Cannot read the transformer checkpoint at ${join(folder, "none")}: ENOENT`);
    expect(await refusal(readFileBytes("a\0b", "test file"))).not.toContain("\0");
  });

  it("refuses folders, devices, sockets and pipes, without waiting for a pipe's writer", async () => {
    await mkdir(join(folder, "inner"));
    expect(await refusal(readFileBytes(join(folder, "inner"), "x"))).toContain("expected a regular file, got a folder");
    if (process.platform !== "win32") {
      expect(await refusal(readFileBytes("/dev/zero", "x"))).toContain("got a device");
      execFileSync("mkfifo", [join(folder, "pipe")]);
      expect(await refusal(readFileBytes(join(folder, "pipe"), "x"))).toContain("got a pipe");
      const server = createServer().listen(join(folder, "socket"));
      await new Promise((resolve) => server.once("listening", resolve));
      await refusal(readFileBytes(join(folder, "socket"), "x"));
      server.close();
    }
  });

  it("refuses what is larger than the limit before reading it", async () => {
    const path = await write("12345");
    expect([...(await readFileBytes(path, "x", { maxBytes: 5 }))]).toHaveLength(5);
    expect(await refusal(readFileBytes(path, "x", { maxBytes: 4 }))).toContain("expected at most 4 bytes, got 5");
    // Sparse: it has no content on the disk.
    await truncate(path, defaultLimits.fileBytes + 1);
    const before = process.memoryUsage().arrayBuffers;
    expect(await refusal(readFileBytes(path, "x"))).toContain(`expected at most ${2 ** 30} bytes`);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  });

  it("shows the first 64 bytes to the signature before reading the rest", async () => {
    const path = await write(new Uint8Array(100).fill(7));
    const seen: number[] = [];
    const signature = (head: Uint8Array, size: number) => {
      seen.push(head.length, size);
      return head[0] === 7 ? undefined : "expected a seven";
    };
    expect(await readFileBytes(path, "x", { signature })).toHaveLength(100);
    expect(seen).toEqual([64, 100]);
    expect(await refusal(readFileBytes(await write("no"), "x", { signature }))).toMatch(/: expected a seven\.$/);
  });

  it("notices a file that is cut while it is read", async () => {
    const path = await write("12345");
    const signature = () => {
      execFileSync("truncate", ["-s", "2", path]);
      return undefined;
    };
    expect(await refusal(readFileBytes(path, "x", { signature }))).toContain("became shorter");
  });
});

it("readFileText reads UTF-8 without its byte order mark, and nothing else", async () => {
  expect(await readFileText(await write("\ufeffzwölf"), "x")).toBe("zwölf");
  expect(await refusal(readFileText(await write(Uint8Array.of(0x61, 0xff)), "caption file"))).toMatch(
    /not text in UTF-8/,
  );
  expect(await refusal(readFileText(await write("12345"), "x", { maxBytes: 3 }))).toContain("at most 3 bytes");
});

it("withBoundedFile closes the file, and lets typed errors through", async () => {
  const path = await write("abc");
  let handle: { fd: number } | undefined;
  const use = async (file: { handle: { fd: number }; size: number }) => {
    handle = file.handle;
    return file.size;
  };
  expect(await withBoundedFile(path, "x", { use })).toBe(3);
  expect(handle!.fd).toBe(-1);
  const thrown = new DataError("mine");
  await expect(withBoundedFile(path, "x", { use: () => Promise.reject(thrown) })).rejects.toBe(thrown);
});

describe("limits", () => {
  it("are the defaults where none is given, and refuse what is none", () => {
    expect(resolveLimits()).toEqual(defaultLimits);
    expect(resolveLimits({ pixels: 9 })).toEqual({ ...defaultLimits, pixels: 9 });
    expect(() => resolveLimits({ pixel: 9 } as never)).toThrow(
      'limits.pixel: there is no such field; did you mean "pixels"?',
    );
    expect(() => resolveLimits({ depth: Number.NaN }, "load.limits")).toThrow(
      "load.limits.depth: expected a whole number",
    );
  });
});
