import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { AbortedError, ConfigError, DataError, Random } from "@mmgen/core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type DownloadOptions, downloadFile, type RemoteFile } from "./download-file.js";
import { type MirrorBehavior, type MirrorServer, rangedFile, startMirrorServer } from "./mirror-server.fixture.js";
import { reachableMirrors } from "./reachable-mirrors.js";

const content = Uint8Array.from(Random.fromSeed(1).uniforms(50_000, 0, 256));
const compressed = gzipSync(content);
const sha256 = createHash("sha256").update(content).digest("hex");
const file: RemoteFile = { name: "noise.gz", sha256, size: content.length };

const paths: Record<string, MirrorBehavior> = {};
let server: MirrorServer;
let folder: string;
beforeAll(async () => {
  server = await startMirrorServer(paths);
});
afterAll(() => server.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-hostile-"));
});
afterEach(() => rm(folder, { recursive: true }));

const download = (changes: Partial<DownloadOptions> = {}, of: RemoteFile = file) =>
  downloadFile(of, { mirrors: [server.address], folder, connectTimeout: 2000, stallTimeout: 200, ...changes });

/** What a promise is refused with. */
async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail("was fulfilled"),
    (error: Error) => error,
  );
}

describe("downloadFile with a signal", () => {
  const stalled: MirrorBehavior = (_, response) => {
    response.writeHead(200, { etag: '"1"', "content-length": compressed.length });
    response.write(compressed.subarray(0, 1000));
  };
  /** Aborts when the first bytes have come. */
  const abortLater = async (controller: AbortController) => {
    await expect.poll(() => server.requests.length).toBeGreaterThan(0);
    await expect.poll(async () => (await readdir(folder)).length).toBe(1);
    controller.abort(new Error("no longer wanted"));
  };

  it("stops at once, keeps what has come, and goes on from there the next time", async () => {
    paths["/noise.gz"] = stalled;
    const controller = new AbortController();
    const stopping = failure(download({ signal: controller.signal, stallTimeout: 60_000 }));
    await abortLater(controller);
    const error = await stopping;
    expect(AbortedError.isInstance(error), String(error)).toBe(true);
    expect(error).toMatchObject({
      message: "Downloading noise.gz was stopped.",
      cause: { message: "no longer wanted" },
    });
    expect(await readdir(folder)).toEqual(["noise.gz.part"]);
    paths["/noise.gz"] = rangedFile(compressed, '"1"');
    await download();
    expect(server.requests.at(-1)).toMatch(/bytes=\d+-/);
    expect(compressed.equals(await readFile(join(folder, "noise.gz")))).toBe(true);
  });

  it("does not begin when the signal has fired, nor asks mirrors", async () => {
    const before = server.requests.length;
    expect(AbortedError.isInstance(await failure(download({ signal: AbortSignal.abort() })))).toBe(true);
    expect(await reachableMirrors(["http://127.0.0.1:1"], 1000, AbortSignal.abort())).toEqual([]);
    expect(server.requests.length).toBe(before);
    expect(await failure(download({ signal: {} as never }))).toSatisfy(ConfigError.isInstance.bind(ConfigError));
  });

  it("stops the call alone that it belongs to", async () => {
    paths["/noise.gz"] = (request, response) => {
      setTimeout(() => (rangedFile(compressed, '"1"') as (...args: unknown[]) => void)(request, response), 100);
    };
    const controller = new AbortController();
    const [stopped, other] = [failure(download({ signal: controller.signal })), download()];
    controller.abort();
    expect(AbortedError.isInstance(await stopped)).toBe(true);
    expect(await other).toBe(join(folder, "noise.gz"));
  });
});

describe("downloadFile from a strange mirror", () => {
  it("gives up one that sends a byte now and then", async () => {
    paths["/noise.gz"] = (_, response) => {
      response.writeHead(200, { "content-length": compressed.length });
      const timer = setInterval(() => response.write("x"), 30);
      response.on("close", () => clearInterval(timer));
    };
    expect((await failure(download({ stallTimeout: 500 }))).message).toMatch(
      /noise\.gz: too slow: \d+ bytes in 0\.\d s, expected at least 1000 a second/,
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it("refuses a file that is announced to be too long before it comes", async () => {
    paths["/noise.gz"] = (_, response) => response.writeHead(200, { "content-length": 1e12 }).write("x");
    expect((await failure(download())).message).toMatch(/sent more than the 116 kB the file can have/);
  });

  it("shows what a server answers on one line, without control characters", async () => {
    paths["/noise.gz"] = (_, response) =>
      response.writeHead(206, { "content-range": `bytes \x80${"9".repeat(5000)}` }).end();
    const { message } = await failure(download());
    expect(message).toMatch(/answered 206 with "bytes \\u0080?9+…/);
    expect(message.length).toBeLessThan(500);
  });

  it("sends user, password and query, and shows none of them", async () => {
    const mirror = `${server.address.replace("//", "//us%40er:s3cret@")}/files?token=t0ken`;
    const shown: string[] = [];
    const options = { mirrors: [mirror], onMessage: (message: string) => shown.push(message) };
    const credentials: unknown[] = [];
    paths["/files/noise.gz?token=t0ken"] = ({ headers }, response) => {
      credentials.push(headers.authorization);
      response.writeHead(credentials.length > 1 ? 200 : 403, { etag: '"1"' }).end(compressed.subarray(0, 9));
    };
    shown.push((await failure(download(options))).message, (await failure(download(options))).message);
    expect(credentials).toEqual(Array(credentials.length).fill(`Basic ${btoa("us@er:s3cret")}`));
    expect(await reachableMirrors([mirror], 2000)).toEqual([mirror]);
    for (const wrong of [`ftp://${mirror.slice(7)}`, "http://s3cret@[?t0ken", "s3cret@host/?t0ken"]) {
      const error = await failure(download({ mirrors: [wrong] }));
      expect(ConfigError.isInstance(error), String(error)).toBe(true);
      shown.push(error.message);
    }
    expect(shown.join("\n")).toContain(`${server.address}/files/noise.gz: answered 403`);
    expect(shown.join("\n")).not.toMatch(/s3cret|t0ken|user/);
  });

  it("keeps credentials out of the part that it leaves", async () => {
    paths["/noise.gz?t0ken"] = rangedFile(compressed, '"1"', 5000);
    const mirrors = [`${server.address.replace("//", "//u:s3cret@")}?t0ken`];
    await failure(download({ mirrors, stallTimeout: 2000 }));
    expect((await readFile(join(folder, "noise.gz.part"), "latin1")).split("\n")[0]).not.toMatch(/s3cret|t0ken/);
  });
});

describe("downloadFile into a strange folder", () => {
  it("takes no part that is too long, no file, or of a long first line", async () => {
    paths["/noise.gz"] = rangedFile(compressed, '"1"');
    const origin = JSON.stringify({ address: `${server.address}/noise.gz`, validator: '"1"' });
    for (const part of [`${origin}\n${"x".repeat(200_000)}`, `${" ".repeat(5000)}${origin}\n`, "null\n", "{}\n"]) {
      await writeFile(join(folder, "noise.gz.part"), part);
      await download();
      expect(server.requests.at(-1)).toBe("GET /noise.gz");
      expect(await readdir(folder)).toEqual(["noise.gz"]);
    }
    if (process.platform !== "win32") {
      execFileSync("mkfifo", [join(folder, "noise.gz.part")]);
      await download();
      expect(await readdir(folder)).toEqual(["noise.gz"]);
    }
  });

  it.each<[string, Partial<Record<keyof RemoteFile, unknown>>]>([
    ["a name that leads elsewhere", { name: "../noise.gz" }],
    ["a name of a folder above", { name: ".." }],
    ["a name with a backslash", { name: "a\\b.gz" }],
    ["no checksum", { sha256: "abc" }],
    ["another kind of checksum", { sha256Of: "both" }],
    ["a size that is none", { size: -1 }],
    ["an unknown field", { mirror: "x" } as never],
  ])("refuses %s", async (_, change) => {
    const error = await failure(download({}, { ...file, ...change } as never));
    expect(ConfigError.isInstance(error), String(error)).toBe(true);
    expect(error.message).toMatch(/^file\./);
  });

  it("says where it cannot write, and keeps what it has fetched", async () => {
    paths["/noise.gz"] = rangedFile(compressed, '"1"');
    execFileSync("mkdir", [join(folder, "noise.gz")]);
    const error = await failure(download());
    expect(DataError.isInstance(error), String(error)).toBe(true);
    expect(error.message).toContain(`Cannot write ${join(folder, "noise.gz")}`);
    expect((await readdir(folder)).sort()).toEqual(["noise.gz", "noise.gz.part"]);
  });
});
