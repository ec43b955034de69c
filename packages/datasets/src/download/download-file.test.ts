import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DataError } from "@mmgen/core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { downloadFile } from "./download-file.js";
import { type MirrorServer, startMirrorServer } from "./mirror-server.fixture.js";
import { reachableMirrors } from "./reachable-mirrors.js";

const content = Buffer.from("ten digits, written by hand ".repeat(4000));
const compressed = gzipSync(content);
const file = { name: "digits.gz", sha256: createHash("sha256").update(content).digest("hex"), size: content.length };

let server: MirrorServer;
let folder: string;

beforeAll(async () => {
  server = await startMirrorServer({
    "/good/digits.gz": compressed,
    "/recompressed/digits.gz": gzipSync(content, { level: 1 }),
    "/other/digits.gz": gzipSync(Buffer.from("ten letters, written by hand".repeat(4000))),
    "/small/digits.gz": gzipSync(Buffer.from("other content")),
    "/plain/digits.gz": content,
    "/endless/digits.gz": "endless",
    "/truncated/digits.gz": { body: compressed, dropAfter: 100 },
    "/short/digits.gz": compressed.subarray(0, compressed.length - 9),
    "/stalled/digits.gz": { body: compressed, stallAfter: 100 },
    "/silent/digits.gz": "silent",
  });
});
afterAll(() => server.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-download-"));
});
afterEach(() => rm(folder, { recursive: true }));

const download = (mirrors: string[], onMessage?: (message: string) => void) =>
  downloadFile(file, {
    mirrors: mirrors.map((mirror) => `${server.address}${mirror}`),
    folder: join(folder, "cache"),
    connectTimeout: 1000,
    stallTimeout: 500,
    ...(onMessage && { onMessage }),
  });

describe("downloadFile", () => {
  it("keeps a verified file and reports address and size", async () => {
    const messages: string[] = [];
    const path = await download(["/good"], (message) => messages.push(message));
    expect(await readFile(path)).toEqual(compressed);
    expect(messages).toEqual([`Downloading ${server.address}/good/digits.gz (1 kB)`]);
    expect(await readdir(join(folder, "cache"))).toEqual(["digits.gz"]);
  });

  it("accepts the content however it is compressed", async () => {
    await expect(download(["/recompressed/"])).resolves.toContain("digits.gz");
  });

  it.each([
    ["/missing", "answered 404"],
    ["/other", "SHA-256 of the content is"],
    ["/small", "has 13 bytes of content, expected 112000"],
    ["/plain", "not readable as gzip"],
    ["/endless", "sent more than"],
    ["/truncated", "digits.gz: "],
    ["/short", "not readable as gzip"],
    ["/stalled", "no data for 0.5 s"],
    ["/silent", "no answer within 1 s"],
  ])("refuses %s, leaves nothing, and tries the next mirror", async (mirror, reason) => {
    const error = await download([mirror]).catch((caught: unknown) => caught);
    expect(DataError.isInstance(error)).toBe(true);
    expect(String(error)).toContain(reason);
    expect(await readdir(join(folder, "cache")).catch(() => [])).toEqual([]);

    const messages: string[] = [];
    const path = await download([mirror, "/good"], (message) => messages.push(message));
    expect(await readFile(path)).toEqual(compressed);
    expect(await readdir(join(folder, "cache"))).toEqual(["digits.gz"]);
    expect(messages.some((message) => message.includes(reason))).toBe(true);
  });

  it("names every mirror that failed, and a refused connection by its code", async () => {
    const failing = downloadFile(file, { mirrors: [`${server.address}/missing`, "http://127.0.0.1:1/"], folder });
    await expect(failing).rejects.toThrow(/missing\/digits\.gz: answered 404.*127\.0\.0\.1:1\/digits\.gz: \w+/);
  });
});

describe("reachableMirrors", () => {
  it("puts the first mirror to answer in front, and returns none when none answers in time", async () => {
    const good = `${server.address}/good/`;
    const silent = `${server.address}/silent/`;
    expect(await reachableMirrors([silent, good], 5000)).toEqual([good, silent]);
    const began = performance.now();
    expect(await reachableMirrors([silent, "http://127.0.0.1:1/"], 100)).toEqual([]);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
