import { createHash } from "node:crypto";
import { afterEach, expect, it, vi } from "vitest";
import { fingerprint, sha256Hex } from "./fingerprint.js";

afterEach(() => vi.restoreAllMocks());

const bytes = Uint8Array.from({ length: 10 }, (_, i) => 7 * i);

it("tells parts apart by every byte, their lengths and their bounds", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
  const prints = new Set<string>();
  for (let i = 0; i < bytes.length; i++) {
    const changed = bytes.slice();
    changed[i]! ^= 1;
    prints.add(fingerprint([changed]));
  }
  prints.add(fingerprint([bytes]));
  prints.add(fingerprint([bytes.subarray(0, 400), bytes.subarray(400)]));
  prints.add(fingerprint([bytes, new Uint8Array(0)]));
  for (let length = 0; length < 8; length++) {
    prints.add(fingerprint([new Uint8Array(length)]));
  }
  expect(prints.size).toBe(1000 + 3 + 8);
});

it("is the same everywhere: a file written today is compared for years", () => {
  const unaligned = new Uint8Array([9, ...bytes]).subarray(1);
  expect(fingerprint([bytes])).toMatch(/^[0-9a-f]{64}$/);
  expect(fingerprint([unaligned])).toBe(fingerprint([bytes]));
  expect(fingerprint([bytes])).toMatchInlineSnapshot(
    `"4e7a75200b94196a018eb1cc590c8909ae66bfef65bc5d2194ddd401ed65b887"`,
  );
});

it("is the SHA-256 of every part behind its length, with Node's own hash and without, as in a browser", () => {
  const large = new Uint8Array(new SharedArrayBuffer(100_003)).map((_, i) => i % 251);
  const parts = [bytes, new Uint8Array(0), large];
  const hash = createHash("sha256");
  for (const part of parts) {
    hash.update(new BigUint64Array([BigInt(part.length)])).update(part);
  }
  const expected = hash.digest("hex");
  expect(fingerprint(parts)).toBe(expected);
  const builtin = vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined as never);
  expect(fingerprint(parts)).toBe(expected);
  expect(builtin).toHaveBeenCalled();
});

it("sums a file as sha256sum does, with WebCrypto and without, in shared memory too", async () => {
  const large = new Uint8Array(new SharedArrayBuffer(100_003)).map((_, i) => i % 251);
  const files = [bytes, bytes.subarray(3, 5), new Uint8Array(0), large];
  const expected = files.map((file) => createHash("sha256").update(file).digest("hex"));
  expect(await Promise.all(files.map(sha256Hex))).toEqual(expected);
  vi.spyOn(globalThis, "crypto", "get").mockReturnValue({} as Crypto);
  expect(await Promise.all(files.map(sha256Hex))).toEqual(expected);
});

it("is of the kind of a stored one of before the first release", () => {
  const legacy = "a1377b8497b1d9d2bb2213146bae4851";
  expect(fingerprint([bytes], legacy)).toBe(legacy);
  expect(fingerprint([bytes.subarray(1)], legacy)).toMatch(/^[0-9a-f]{32}$/);
  expect(fingerprint([bytes.subarray(1)], legacy)).not.toBe(legacy);
  for (const other of [fingerprint([bytes]), undefined, null, 7, legacy.slice(1), legacy.toUpperCase()]) {
    expect(fingerprint([bytes], other)).toBe(fingerprint([bytes]));
  }
});
