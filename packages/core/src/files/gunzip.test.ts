import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { DataError } from "../errors/errors.js";
import { fuzz } from "../fuzz.fixture.js";
import { gunzip, gunzipStart, isGzip } from "./gunzip.js";

const content = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 251);
const compressed = new Uint8Array(gzipSync(content));

/** A gzip file of zeros that is a thousandth of its content. */
const bomb = gzipSync(new Uint8Array(2 ** 24));

function refusal(reading: () => unknown): string {
  try {
    reading();
  } catch (error) {
    expect(DataError.isInstance(error), String(error)).toBe(true);
    return (error as Error).message;
  }
  return expect.fail("was read");
}

describe("gunzip", () => {
  it("gives the content as a plain array of its own", () => {
    const read = gunzip(compressed, "a.gz");
    expect(Object.getPrototypeOf(read)).toBe(Uint8Array.prototype);
    expect(Buffer.compare(read, content)).toBe(0);
    expect(read.buffer.byteLength).toBe(5000);
    expect(gunzip(gzipSync(""), "empty.gz", { maxBytes: 0 })).toHaveLength(0);
    expect([isGzip(compressed), isGzip(content)]).toEqual([true, false]);
  });

  it("stops at its limit, whatever the file claims", () => {
    expect(gunzip(compressed, "a.gz", { maxBytes: 5000 })).toHaveLength(5000);
    expect(refusal(() => gunzip(compressed, "a.gz", { maxBytes: 4999 }))).toMatch(
      /^a\.gz: expected at most 4999 bytes/,
    );
    const before = process.memoryUsage().arrayBuffers;
    expect(refusal(() => gunzip(bomb, "bomb.gz", { maxBytes: 2 ** 20 }))).toContain("at most 1048576 bytes");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 22);
  });

  it("refuses what is truncated, damaged, or something else, by name", () => {
    const damaged = compressed.slice();
    damaged[damaged.length - 6]! ^= 1;
    for (const bytes of [compressed.subarray(0, -1), damaged, content, new Uint8Array(0)]) {
      expect(refusal(() => gunzip(bytes, "a.gz"))).toMatch(/^a\.gz: not readable as gzip .* truncated or damaged/);
    }
  });
});

describe("gunzipStart", () => {
  it("gives the beginning without the rest, behind a long header of the file's own too", () => {
    expect([...gunzipStart(compressed, "a.gz", 16)]).toEqual([...content.subarray(0, 16)]);
    expect(gunzipStart(bomb, "bomb.gz", 16)).toHaveLength(16);
    expect(gunzipStart(gzipSync("abc"), "a.gz", 16)).toHaveLength(3);
    // FNAME: a name of 3000 characters.
    const named = Buffer.concat([
      compressed.subarray(0, 10),
      Buffer.alloc(3000, "n"),
      Buffer.of(0),
      compressed.subarray(10),
    ]);
    named[3]! |= 8;
    expect([...gunzipStart(named, "a.gz", 4)]).toEqual([...content.subarray(0, 4)]);
    expect(gunzipStart(compressed.subarray(0, 10), "a.gz", 16)).toHaveLength(0);
  });

  it("refuses what is no gzip", () => {
    expect(refusal(() => gunzipStart(content, "a.gz", 16))).toMatch(/^a\.gz: not readable as gzip/);
  });
});

it("holds against damaged gzip files", async () => {
  const samples = [
    compressed,
    gzipSync("ten digits"),
    gzipSync(new Uint8Array(2 ** 20)),
    Buffer.concat([compressed, gzipSync("more")]),
  ].map((sample) => new Uint8Array(sample));
  await fuzz({
    name: "gzip",
    samples: [...samples, gzipSync(content, { level: 0 })],
    parse: (bytes) => {
      const start = gunzipStart(bytes, "a.gz", 16);
      const whole = gunzip(bytes, "a.gz", { maxBytes: 2 ** 20 });
      expect(Buffer.compare(start, whole.subarray(0, 16))).toBe(0);
    },
    depth: (bytes, error) => {
      if (!isGzip(bytes) || bytes[2] !== 8) {
        return "none";
      }
      return error === undefined || /data check|length check|unexpected end|stored|distance|code/.test(error.message)
        ? "header"
        : "signature";
    },
  });
}, 60_000);
