import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { DataError, Random } from "@mmgen/core";
import { buildSync } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type DownloadOptions, downloadFile } from "./download-file.js";
import { type MirrorBehavior, type MirrorServer, rangedFile, startMirrorServer } from "./mirror-server.fixture.js";
import { PartialFile } from "./partial-file.js";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
/** Noise, which does not get smaller: about 300 kB on the way. */
const noise = (seed: number) => Buffer.from(Uint8Array.from(Random.fromSeed(seed).uniforms(300_000, 0, 256)));
const content = noise(1);
const compressed = gzipSync(content);
const older = gzipSync(noise(2));
const file = { name: "noise.gz", sha256: sha256(content), size: content.length };

let paths: Record<string, MirrorBehavior>;
let server: MirrorServer;
let folder: string;

beforeAll(async () => {
  bundleDownload();
  paths = {};
  server = await startMirrorServer(paths);
});
afterAll(async () => {
  await server.close();
  await rm(script, { force: true });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-resume-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** `download.ts` for processes of its own. */
const script = join(tmpdir(), `mmgen-download-${process.pid}.mjs`);
function bundleDownload(): void {
  const core = (entry: string) => fileURLToPath(new URL(`../../../core/src/${entry}.ts`, import.meta.url));
  buildSync({
    entryPoints: [fileURLToPath(new URL("./download-file.ts", import.meta.url))],
    outfile: script,
    bundle: true,
    platform: "node",
    format: "esm",
    alias: { "@mmgen/core/node": core("node"), "@mmgen/core/options": core("options"), "@mmgen/core": core("index") },
  });
}

/** Where the requests began: 0 for the whole, else the first byte asked for. */
const startsOf = (requests: readonly string[]) =>
  requests.map((request) => Number(/bytes=(\d+)-/.exec(request)?.[1] ?? 0));

/** Serves one file by each behavior in turn, the last one for good, and tells the requests from then on. */
function serve(...behaviors: Extract<MirrorBehavior, (...never: never[]) => void>[]) {
  let next = 0;
  const start = server.requests.length;
  paths["/noise.gz"] = (request, response) => behaviors[Math.min(next++, behaviors.length - 1)]!(request, response);
  return () => server.requests.slice(start).map((request) => request.replace("GET /noise.gz", "GET"));
}
const ranged = (...arguments_: Parameters<typeof rangedFile>) =>
  rangedFile(...arguments_) as Extract<MirrorBehavior, (...never: never[]) => void>;

const download = (changes: Partial<DownloadOptions> = {}, of = file) =>
  downloadFile(of, { mirrors: [server.address], folder, connectTimeout: 5000, stallTimeout: 500, ...changes });

/** What an earlier process left: the first `size` bytes of `bytes`. */
async function leave(size: number, bytes: Uint8Array = compressed, validator = '"1"'): Promise<void> {
  const partial = await PartialFile.claim(folder, file.name);
  await partial.restart({ address: `${server.address}/noise.gz`, validator });
  await partial.append(bytes.subarray(0, size));
  await partial.release();
}

async function expectWhole(path: Promise<string>): Promise<void> {
  // Not toEqual, which takes seconds over as many bytes.
  expect(compressed.equals(await readFile(await path))).toBe(true);
  expect(await readdir(folder)).toEqual(["noise.gz"]);
}

describe("downloadFile, interrupted", () => {
  it("resumes where the connection broke", async () => {
    const requests = serve(ranged(compressed, '"1"', 160_000));
    const messages: string[] = [];
    await expectWhole(download({ onMessage: (message) => messages.push(message) }));
    const starts = startsOf(requests());
    expect(starts[0]).toBe(0);
    expect(starts.length).toBeGreaterThan(1);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(messages.filter((message) => /^Resuming after \d+ kB: /.test(message))).toHaveLength(starts.length - 1);
  });

  it("resumes after a pause that is too long", async () => {
    const requests = serve(
      (_, response) => {
        response.writeHead(200, { etag: '"1"', "content-length": compressed.length });
        response.write(compressed.subarray(0, 1000));
      },
      ranged(compressed, '"1"'),
    );
    await expectWhole(download());
    expect(requests()).toEqual(["GET", "GET bytes=1000-"]);
  });

  it("gives up a mirror that always breaks, keeps the part, and resumes it the next time", async () => {
    const requests = serve(ranged(compressed, '"1"', 10_000));
    await expect(download()).rejects.toThrow(DataError);
    expect(requests()).toHaveLength(4);
    expect(await readdir(folder)).toEqual(["noise.gz.part"]);
    const later = serve(ranged(compressed, '"1"'));
    await expectWhole(download({ mirrors: [`${server.address}/not-here`, server.address] }));
    expect(later()).toHaveLength(1);
    expect(startsOf(later())[0]).toBeGreaterThan(0);
  });

  it("starts over when the file has changed", async () => {
    const requests = serve(ranged(older, '"0"', 120_000), ranged(compressed, '"1"'));
    await expectWhole(download());
    expect(startsOf(requests())).toEqual([0, expect.any(Number)]);
  });

  it.each([
    ["a range from elsewhere", { "content-range": `bytes 0-${compressed.length - 1}/${compressed.length}` }],
    ["no range at all", {}],
    [
      "a range of another version",
      { "content-range": `bytes 1000-${compressed.length - 1}/${compressed.length}`, etag: '"2"' },
    ],
  ])("does not put together what does not belong together: 206 with %s", async (_, headers) => {
    await leave(1000);
    const requests = serve(
      (_request, response) => void response.writeHead(206, headers).end(compressed.subarray(1000)),
      ranged(compressed, '"1"'),
    );
    await expectWhole(download());
    expect(requests()).toEqual(["GET bytes=1000-", "GET"]);
  });

  it("starts over when the finished file is wrong", async () => {
    // The right range of another file, said to be of the same version.
    await leave(1000, older);
    const requests = serve(ranged(compressed, '"1"'));
    await expectWhole(download());
    expect(requests()).toEqual(["GET bytes=1000-", "GET"]);
  });

  it("interprets 416: the part is the whole file, or of another file", async () => {
    await leave(compressed.length);
    const whole = serve(ranged(compressed, '"1"'));
    await expectWhole(download());
    expect(whole()).toEqual([`GET bytes=${compressed.length}-`]);
    await rm(join(folder, "noise.gz"));

    await leave(compressed.length, Buffer.concat([compressed, compressed]));
    const other = serve(
      (_, response) => void response.writeHead(416, { "content-range": "bytes */7" }).end(),
      ranged(compressed, '"1"'),
    );
    await expectWhole(download());
    expect(other()).toEqual([`GET bytes=${compressed.length}-`, "GET"]);
  });

  it("requests the whole file where the server sends no strong validator", async () => {
    const requests = serve(ranged(compressed, 'W/"1"', 120_000));
    await expect(download()).rejects.toThrow(DataError);
    expect(requests()).toEqual(["GET"]);
    expect(await readdir(folder)).toEqual([]);
  });

  it("ignores files that are not its parts, and damaged parts", async () => {
    await writeFile(join(folder, "noise.gz.part"), "no header");
    const requests = serve(ranged(compressed, '"1"'));
    await expectWhole(download());
    expect(requests()).toEqual(["GET"]);
  });

  it("leaves nothing under the final name when the checksum is wrong", async () => {
    serve(ranged(compressed, '"1"'));
    await expect(download({}, { ...file, sha256: "0".repeat(64) })).rejects.toThrow(/SHA-256 of the content is/);
    await expect(download({}, { ...file, size: 299_999 })).rejects.toThrow(
      /has more bytes of content, expected 299999/,
    );
    await expect(download({}, { ...file, size: 300_001 })).rejects.toThrow(/has 300000 bytes/);
    expect(await readdir(folder)).toEqual([]);
    const byFile = { ...file, sha256: sha256(compressed), sha256Of: "gzip" as const };
    await expect(download({}, { ...byFile, sha256: file.sha256 })).rejects.toThrow(/SHA-256 of the file is/);
    await expectWhole(download({}, byFile));
  });
});

describe("downloadFile, concurrently", () => {
  /** A process that downloads the file and prints its path. */
  function startProcess(): ChildProcess {
    const options = { mirrors: [server.address], folder, stallTimeout: 5000 };
    const program = `
      import { downloadFile } from ${JSON.stringify(script)};
      await downloadFile(${JSON.stringify(file)}, ${JSON.stringify(options)});`;
    return spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "inherit" });
  }

  it("downloads once in one process", async () => {
    const requests = serve(ranged(compressed, '"1"'));
    const found = await Promise.all([download(), download(), download()]);
    expect(new Set(found)).toEqual(new Set([join(folder, "noise.gz")]));
    await expectWhole(download());
    expect(requests()).toHaveLength(2);
  });

  it("separates processes, and resumes the part of one that was killed", async () => {
    const stalled: ReturnType<typeof ranged> = (_, response) => {
      response.writeHead(200, { etag: '"1"', "content-length": compressed.length });
      response.write(compressed.subarray(0, 1000));
    };
    const requests = serve(stalled, ranged(compressed, '"1"'));
    const child = startProcess();
    const partOf = async () => (await readdir(folder)).filter((entry) => entry.includes(`-${child.pid}-`));
    await expect.poll(partOf, { timeout: 10_000 }).toHaveLength(1);
    const part = join(folder, (await partOf())[0]!);
    await expect.poll(async () => (await readFile(part)).length, { timeout: 10_000 }).toBeGreaterThan(1000);

    // It is alive: its part is its own.
    await download();
    expect(requests()).toEqual(["GET", "GET"]);
    expect(await readdir(folder)).toEqual(["noise.gz", part.slice(folder.length + 1)]);

    await rm(join(folder, "noise.gz"));
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await readdir(folder)).toEqual([part.slice(folder.length + 1)]);
    await expectWhole(download());
    expect(requests()).toEqual(["GET", "GET", "GET bytes=1000-"]);
  });

  it("ends with one complete file whichever process is last", async () => {
    // A part that all of them want, left by a process that is no more.
    const { pid } = spawnSync(process.execPath, ["--version"]);
    await leave(1000);
    await rename(join(folder, "noise.gz.part"), join(folder, `noise.gz.${hostname()}-${pid}-0.part`));
    const requests = serve(ranged(compressed, '"1"'));
    const children = [startProcess(), startProcess(), startProcess()];
    const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0] as number));
    expect(codes).toEqual([0, 0, 0]);
    expect(compressed.equals(await readFile(join(folder, "noise.gz")))).toBe(true);
    expect(await readdir(folder)).toEqual(["noise.gz"]);
    expect(requests().filter((request) => request === "GET bytes=1000-").length).toBeLessThanOrEqual(1);
  });
});
