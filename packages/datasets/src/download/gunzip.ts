import { gunzipSync } from "node:zlib";
import { DataError } from "@mmgen/core";

/**
 * Decompresses gzip, CRC checked.
 *
 * @param limit - Largest decompressed size, in bytes.
 * @throws a {@link DataError} when the data are truncated, damaged or larger.
 */
export function gunzip(bytes: Uint8Array, name: string, limit: number): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
  } catch (error) {
    const reason = (error as Error).message;
    throw new DataError(`${name} is not readable as gzip (${reason}). It is truncated or damaged; fetch it again.`, {
      cause: error,
    });
  }
}
