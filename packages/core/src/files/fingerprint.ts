import { type SHA256, sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { isLegacyFingerprint, legacyFingerprint } from "./legacy-fingerprint.js";

/** Node's hashes take less than 2 GiB at once. */
const maxBytesAtOnce = 2 ** 30;

/**
 * A fingerprint of bytes, the same in Node and in the browser: the SHA-256, in 64 hexadecimal digits, of each part's length
 * (8 bytes, little-endian) and content.
 *
 * It tells parts apart by their bytes, their number and where one ends.
 *
 * @param parts - Borrowed.
 * @param like - A stored fingerprint that the result is to be compared with. Files of before the first release hold another
 *   kind, of 32 digits; for one of them the result is of that kind too. Default: none.
 */
export function fingerprint(parts: Iterable<Uint8Array>, like?: unknown): string {
  if (isLegacyFingerprint(like)) {
    return legacyFingerprint(parts);
  }
  const hash = createHash();
  const length = new DataView(new ArrayBuffer(8));
  for (const part of parts) {
    length.setBigUint64(0, BigInt(part.length), true);
    hash.update(new Uint8Array(length.buffer));
    for (let at = 0; at < part.length; at += maxBytesAtOnce) {
      hash.update(part.subarray(at, at + maxBytesAtOnce));
    }
  }
  return bytesToHex(hash.digest());
}

/**
 * The SHA-256 of a file, as `sha256sum` prints it: 64 hexadecimal digits. WebCrypto computes it; where a page has none,
 * because it came by plain http, our own code does, some ten times slower.
 *
 * @param bytes - Borrowed; not to be changed until the result is there.
 */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  // WebCrypto takes no shared memory.
  const isShared = globalThis.SharedArrayBuffer !== undefined && bytes.buffer instanceof SharedArrayBuffer;
  const digest =
    subtle === undefined || isShared ? sha256(bytes) : await subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return bytesToHex(new Uint8Array(digest));
}

/** Node's own SHA-256, some ten times faster over a model's weights, where there is one. */
function createHash(): Pick<SHA256, "digest"> & { update(bytes: Uint8Array): unknown } {
  const crypto = globalThis.process?.getBuiltinModule?.("node:crypto");
  return crypto?.createHash("sha256") ?? sha256.create();
}
